"""The one error that ends a benchmark."""


class BenchError(Exception):
    """The benchmark failed, so there is no result to print."""
