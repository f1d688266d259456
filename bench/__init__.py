"""Benchmarks of the gateway: round trips compared with an empty FastAPI endpoint, outbound delivery, worst cases."""
