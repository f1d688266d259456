"""Throughput of the gateway, next to an empty FastAPI endpoint on the same machine."""
