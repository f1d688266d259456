"""The errors of a benchmark."""


class BenchError(Exception):
    """A scenario failed, so there is no figure to print."""


class SkippedError(Exception):
    """A scenario cannot run on this machine; the message says what is missing."""
