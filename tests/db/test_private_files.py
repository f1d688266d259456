"""Only the owner can read the files of an SQLite database, as they hold customers' texts."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.composition import make_database
from app.db.files import files_open_to_others
from app.db.session import Database, make_engine, normalise_url
from app.domain.storage import StorageUnavailableError
from app.services.sealing import Sealer
from app.services.startup import DatabaseOwner, prepare
from app.settings import Environment, SettingsError
from tests.running import SEAL_KEY, running, settings_for

pytestmark = pytest.mark.anyio
OWNER = DatabaseOwner("test", Sealer(SEAL_KEY))


@pytest.fixture(autouse=True)
def _default_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_every_file_of_a_database_is_made_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    url = "sqlite:///./data/gateway.db"
    database = Database(normalise_url(url))
    prepare(database, OWNER, migrate=True, starting=True)
    database.close()
    async with running(settings_for(url)) as gateway:
        await gateway.say("0000")
        found = modes(folder)
        assert {"gateway.db", "gateway.db-wal", "gateway.db-shm", "gateway.db.lock"} <= found.keys()
        assert set(found.values()) == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert files_open_to_others(normalise_url(url)) == []


@pytest.mark.parametrize("place", ["nosuch/gateway.db", "data/nosuch/gateway.db", "./other/gateway.db"])
def test_no_folder_is_made_but_the_default_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageUnavailableError, match=r"there is no folder .*: make it"):
        Database(normalise_url(f"sqlite:///{place}"))
    with pytest.raises(StorageUnavailableError):
        Database(normalise_url(f"sqlite:///{tmp_path / place}"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_file_that_others_can_read_is_logged_at_the_start_and_not_changed(
    unused_sqlite_url: str, mode: int, log: io.StringIO
) -> None:
    database = Database(normalise_url(unused_sqlite_url))
    path = Path(unused_sqlite_url.removeprefix("sqlite:///"))
    path.chmod(mode)
    prepare(database, OWNER, migrate=False, starting=True)
    database.close()
    assert "chmod 600" in log.getvalue()
    assert str(path) in log.getvalue()
    assert path.stat().st_mode & 0o777 == mode


def test_a_private_file_is_not_logged(tmp_path: Path, log: io.StringIO) -> None:
    database = Database(normalise_url(f"sqlite:///{tmp_path / 'new.db'}"))
    prepare(database, OWNER, migrate=True, starting=True)
    database.close()
    assert "chmod" not in log.getvalue()


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://nobody@nowhere/x"])
def test_databases_that_are_no_files_are_not_open_to_others(url: str) -> None:
    assert files_open_to_others(normalise_url(url)) == []


async def test_a_file_that_may_lose_commits_is_for_demo_and_test_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"

    def synchronous(url: str) -> int:
        engine = make_engine(normalise_url(url))
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    assert (synchronous(url), synchronous(f"{url}?synchronous=off")) == (2, 0)
    with pytest.raises(SettingsError, match="synchronous=off"):
        make_database(settings_for(f"{url}?synchronous=off", Environment.DEV))
