"""Databases that are away for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, event, make_url

from app.db.session import Database


def _administered(database: Database) -> tuple[str, str]:
    """The server's own database, and the name of the one in use."""
    url = make_url(database.url.render_as_string(hide_password=False)).set(drivername="postgresql")
    return url.set(database="postgres").render_as_string(hide_password=False), str(url.database)


def hang_up(database: Database) -> None:
    """End all connections of a PostgreSQL database, as a restart of the server does."""
    server, name = _administered(database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


@contextmanager
def away(database: Database) -> Iterator[None]:
    """A PostgreSQL database that refuses everybody, or a disk without room for another page of an SQLite file."""
    if database.is_sqlite:
        with _full(database):
            yield
        return
    server, name = _administered(database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        hang_up(database)
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@contextmanager
def _full(database: Database) -> Iterator[None]:
    pages = 1  # never less than there are

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    # Every connection has a limit of its own: each gets the one that holds when it begins a transaction.
    event.listen(database.engine, "begin", limit)
    try:
        yield
    finally:
        pages = 2**31 - 2
