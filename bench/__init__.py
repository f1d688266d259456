"""Benchmarks of the gateway: effort, rates, latencies; worst cases (`bench.effort`); binds (`bench.outbound`)."""
