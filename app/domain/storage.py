"""The error that everybody meets who stores something."""


class StorageUnavailableError(Exception):
    """The database is unavailable. Nothing was stored; a later try may succeed."""
