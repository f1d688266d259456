"""The error that everybody meets who stores something."""


class StorageUnavailableError(Exception):
    """The database is unavailable. Nothing was stored; a later try may succeed."""


class UndecidedError(Exception):
    """Nobody can say yet if a message repeats one of another session. Nothing was stored; a later try will tell."""
