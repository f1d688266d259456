"""The files of an SQLite database: made for their owner only, and in no folder that is not there."""

import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from app.domain.storage import StorageUnavailableError

# The folder of the default database. Another one is not made: its name may be mistyped.
_DEFAULT_FOLDER = Path("data")


def make_database_file(path: Path) -> None:
    """Create the file of a new database, and the default folder. Raise StorageUnavailableError if that cannot be."""
    try:
        if path.parent == _DEFAULT_FOLDER:
            path.parent.mkdir(exist_ok=True, mode=0o700)
        make_private(path)
    except FileNotFoundError:
        why = f"there is no folder {path.parent}: make it (mkdir -p {path.parent}), or correct the URL"
        raise StorageUnavailableError(why) from None
    except OSError as error:
        raise StorageUnavailableError(f"{path} cannot be made: {error.strerror}") from None


def make_private(path: Path) -> None:
    """Create a missing file that only its owner can read; SQLite gives the files beside it the same mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def files_open_to_others(url: URL) -> list[Path]:
    """Return the files of an SQLite database that other users can read or write; none for PostgreSQL."""
    path = url.database if url.get_backend_name() == "sqlite" else None
    if not path or path == ":memory:" or path.startswith("file:"):
        return []
    found = [Path(path + end) for end in ("", "-wal", "-shm", ".lock")]
    return [one for one in found if one.exists() and one.stat().st_mode & 0o077]
