"""The one error that ends a benchmark."""


class BenchError(Exception):
    """Something did not work, so that there is no figure to print."""
