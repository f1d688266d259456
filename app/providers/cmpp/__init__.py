"""CMPP 2.0 and 3.0: the codec, result codes, reports, and the adapter (carriers.md 6)."""
