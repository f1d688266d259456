"""SMPP 3.4: the codec, the text in its alphabets, receipts, and the adapter (carriers.md 5)."""
