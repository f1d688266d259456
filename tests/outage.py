"""Outages of databases."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, event, make_url

from app.db.session import Database


def _admin_url(database: Database) -> tuple[str, str]:
    """Return the URL of the server's maintenance database, and the name of the gateway's."""
    url = make_url(database.url.render_as_string(hide_password=False)).set(drivername="postgresql")
    return url.set(database="postgres").render_as_string(hide_password=False), str(url.database)


def hang_up(database: Database) -> None:
    """Close all connections of a PostgreSQL database, as a restart of the server does."""
    server, name = _admin_url(database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Make PostgreSQL refuse connections, or let an SQLite file find no room for another page."""
    if database.is_sqlite:
        with _full(database):
            yield
        return
    server, name = _admin_url(database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        hang_up(database)
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """Make PostgreSQL refuse all writes, as a standby does."""
    server, name = _admin_url(database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        hang_up(database)
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            hang_up(database)


@contextmanager
def _full(database: Database) -> Iterator[None]:
    pages = 1  # SQLite raises it to the number of existing pages

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    # The limit belongs to a connection, so it is set at each start of a transaction.
    event.listen(database.engine, "begin", limit)
    try:
        yield
    finally:
        pages = 2**31 - 2
