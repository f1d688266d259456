"""Web and workers as processes of their own on one PostgreSQL: one dialogue as with one process, whoever is killed."""

import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.crash.calls import DRAINED_WITHIN_SECONDS, drain, prepare, ready, send, texts
from tests.crash.process import Process, client, process_of, processes_of

NUMBERS = [f"+86138001381{place:02}" for place in range(30)]
# The promise is 15 s; a machine that is busy with other tests is given more.
STOPS_WITHIN_SECONDS = 60


def roles(process: Process) -> dict[str, object]:
    state: dict[str, object] = ready(process)["process"]
    return state


def test_three_start_at_once_on_an_empty_database_and_one_of_two_workers_is_killed(
    empty_postgresql_url: str, tmp_path: Path
) -> None:
    with processes_of(("web", "worker", "worker"), empty_postgresql_url, tmp_path) as (web, dying, living):
        assert client().get(f"{dying.base}/simulator/clock").status_code == httpx.codes.NOT_FOUND
        prepare(web, NUMBERS)
        for number in NUMBERS:
            send(web, number, "0000")
        dying.kill(signal.SIGKILL)
        for number in NUMBERS:
            send(web, number, "你好")
        drain(web)

        answers = [texts(web, number) for number in NUMBERS]
        assert {len(one) for one in answers} == {2}
        assert len({tuple(one) for one in answers}) == 1, "each got the same two answers in the same order"
        assert roles(web)["duties"] == []
        deadline = time.monotonic() + DRAINED_WITHIN_SECONDS
        while roles(living)["workers"] != 1:
            assert time.monotonic() < deadline, "a dead worker still counts as alive"
            time.sleep(0.5)
        assert {"campaigns", "events"} <= set(roles(living)["duties"])  # type: ignore[call-overload]  # a list


def test_a_role_ends_with_status_0(unused_postgresql_url: str, tmp_path: Path) -> None:
    with processes_of(("web", "worker"), unused_postgresql_url, tmp_path) as started:
        for process in started:
            began = time.monotonic()
            assert process.kill(signal.SIGTERM) == 0
            assert time.monotonic() - began < STOPS_WITHIN_SECONDS


@pytest.mark.parametrize("role", ["web", "worker"])
def test_on_sqlite_there_is_one_process(role: str, tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with (
        pytest.raises(AssertionError, match="run `smsgw serve`"),
        process_of(role, f"sqlite:///{tmp_path / 'gateway.db'}", log),
    ):
        pass
