"""A database whose disk is full, or that is read-only: nothing is acknowledged that is not stored, and it goes on after."""

import errno
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.crash.calls import TAKEN, drain, post, prepare, texts
from tests.crash.process import READY_SECONDS, Process, client, process_of
from tests.crash.server import Server, own_server
from tests.programs import lacking

NUMBERS = [f"+861380018{place:04}" for place in range(40)]
# Of text in one message, so that pages fill up.
LONG = 300
MOST_POSTS = 1000
Spoil = Callable[[], AbstractContextManager[None]]


def command(*words: str) -> str:
    """Run a command. Return why it failed, or nothing."""
    program = shutil.which(words[0])
    if program is None:
        return f"there is no {words[0]}"
    run = subprocess.run([program, *words[1:]], check=False, capture_output=True, text=True)
    return "" if run.returncode == 0 else run.stderr or str(run.returncode)


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Mount a file system of a size such as ``16m``. With CI=true the test fails where that cannot be done, elsewhere
    it is skipped.
    """
    folder = Path(tempfile.mkdtemp(prefix="smsgw-tests-"))
    try:
        failed = command("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))
        if failed:
            reason = f"A file system of its own cannot be mounted here, which takes root: {failed}"
            lacking(reason)
        try:
            yield folder
        finally:
            assert not command("umount", "--lazy", str(folder))
    finally:
        folder.rmdir()


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill up a disk to the last byte, within the context."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in (65_536, 4096, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC  # noqa: PT017  any other one fails the test, and this one ends the loop
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(server: Server) -> Iterator[None]:
    """Have a server refuse to write, as one does that is the standby of another."""
    server.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        server.execute(
            "SET default_transaction_read_only = off",
            "ALTER SYSTEM RESET default_transaction_read_only",
            "SELECT pg_reload_conf()",
        )


@contextmanager
def sqlite_full() -> Iterator[tuple[str, Spoil]]:
    with small_disk("24m") as disk:
        yield f"sqlite:///{disk / 'gateway.db'}", lambda: full(disk)


@contextmanager
def postgresql_full() -> Iterator[tuple[str, Spoil]]:
    with small_disk("200m") as disk, own_server(disk) as server:
        yield server.url, lambda: full(disk)


@contextmanager
def postgresql_read_only() -> Iterator[tuple[str, Spoil]]:
    with own_server() as server:
        yield server.url, lambda: read_only(server)


def complain(gateway: Process, place: int) -> int:
    return post(gateway, NUMBERS[place % len(NUMBERS)], f"m-{place}", f"TS {place} {'字' * LONG}")


def complain_until_refused(gateway: Process) -> int:
    """Return the place of the first message that was not accepted."""
    for place in range(MOST_POSTS):
        status = complain(gateway, place)
        if status not in TAKEN:
            assert status == httpx.codes.SERVICE_UNAVAILABLE
            return place
    raise AssertionError("the disk is not full")


def wait_until_not_ready(gateway: Process) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while gateway.status != httpx.codes.SERVICE_UNAVAILABLE:
        assert time.monotonic() < deadline, "it says that it is ready"
        time.sleep(0.1)


def failing(gateway: Process, kind: str) -> float:
    """Return whether the metrics show a kind of failure."""
    [line] = re.findall(
        rf'^smsgw_failing{{kind="{kind}",of=""}} (.+)$', client().get(f"{gateway.base}/metrics").text, re.MULTILINE
    )
    return float(line)


def lines_about(gateway: Process, kind: str) -> list[str]:
    """Return what the log says of a kind of failure."""
    lines = [json.loads(line) for line in gateway.log_file.read_text("utf-8").splitlines() if line.startswith("{")]
    return [line["event"] for line in lines if line.get("kind") == kind]


@pytest.mark.parametrize(
    ("database", "kind"),
    [(sqlite_full, "disk_full"), (postgresql_full, "disk_full"), (postgresql_read_only, "read_only")],
)
def test_what_cannot_be_stored_is_refused_and_what_was_accepted_is_answered_once_there_is_room(
    database: Callable[[], AbstractContextManager[tuple[str, Spoil]]], kind: str, tmp_path: Path
) -> None:
    with database() as (url, spoil), process_of("serve", url, tmp_path / "gateway.log") as gateway:
        prepare(gateway, NUMBERS)
        with spoil():
            refused = complain_until_refused(gateway)
            wait_until_not_ready(gateway)
            assert complain(gateway, refused) == httpx.codes.SERVICE_UNAVAILABLE
            assert client().get(f"{gateway.base}/livez").status_code == httpx.codes.OK
            assert failing(gateway, kind) == 1
            assert len(lines_about(gateway, kind)) == 1, "it is said once"
        gateway.wait_until_ready()
        for place in range(refused, refused + len(NUMBERS)):
            assert complain(gateway, place) in TAKEN
        drain(gateway)
        answers = sum(len(texts(gateway, number)) for number in NUMBERS)
        assert answers == refused + len(NUMBERS)
        assert failing(gateway, kind) == 0
        assert len(lines_about(gateway, kind)) == 2, "that it is over is said once"


def test_a_gateway_on_a_read_only_disk_does_not_start_and_starts_again_when_it_can_write(tmp_path: Path) -> None:
    with small_disk("24m") as disk:
        url, log = f"sqlite:///{disk / 'gateway.db'}", tmp_path / "gateway.log"
        with process_of("serve", url, log) as gateway:
            prepare(gateway, NUMBERS)
            assert complain(gateway, 0) in TAKEN
        assert not command("mount", "-o", "remount,ro", str(disk))
        with pytest.raises(AssertionError, match=r"gateway\.db"), process_of("serve", url, log):
            pass
        assert not command("mount", "-o", "remount,rw", str(disk))
        with process_of("serve", url, log) as gateway:
            drain(gateway)
            assert len(texts(gateway, NUMBERS[0])) == 1
