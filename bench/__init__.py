"""Benchmarks of the gateway: processor time a message, rates, latencies, memory, and worst cases (`bench.effort`)."""
