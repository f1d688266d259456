"""Web and workers as processes of their own on one PostgreSQL: one dialogue as with one process, whoever is killed."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.crash.process import Process, process_of

NUMBERS = [f"138001381{place:02}" for place in range(30)]
TEST = {"Authorization": "Bearer demo"}
DRAINED_WITHIN_SECONDS = 90
# The promise is 15 s; a machine that is busy with other tests is given more.
STOPS_WITHIN_SECONDS = 60


def send(web: Process, number: str, text: str) -> None:
    answer = httpx.post(
        f"{web.base}/simulator/handsets/{number}/messages", json={"to": "10086", "text": text}, timeout=60
    )
    assert answer.status_code == httpx.codes.ACCEPTED


def texts(web: Process, number: str) -> list[str]:
    answer = httpx.get(f"{web.base}/simulator/handsets/{number}/messages", timeout=60)
    return [one["text"] for one in answer.json()["messages"] if one["direction"] == "mt"]


def drain(web: Process) -> None:
    given = {"timeout_seconds": DRAINED_WITHIN_SECONDS}
    answer = httpx.post(f"{web.base}/simulator/drain", json=given, timeout=DRAINED_WITHIN_SECONDS + 30)
    assert answer.json() == {"idle": True}


def roles(process: Process) -> dict[str, object]:
    state: dict[str, object] = httpx.get(f"{process.base}/readyz", timeout=60).json()["process"]
    return state


def test_three_start_at_once_on_an_empty_database_and_one_of_two_workers_is_killed(
    empty_postgresql_url: str, tmp_path: Path
) -> None:
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        started = [
            pool.submit(stack.enter_context, process_of(role, empty_postgresql_url, tmp_path / f"{place}.log"))
            for place, role in enumerate(("web", "worker", "worker"))
        ]
        web, dying, living = (one.result() for one in started)
        assert httpx.get(f"{dying.base}/simulator/clock", timeout=60).status_code == httpx.codes.NOT_FOUND
        reset = httpx.post(f"{web.base}/simulator/reset", json={"fixture": "demo"}, timeout=60)
        assert reset.status_code == httpx.codes.OK, reset.text
        for number in NUMBERS:
            customer = {"brand": "easyown", "payment": "prepaid", "balance_fen": 0, "points": 0, "status": "active"}
            made = httpx.put(f"{web.base}/api/v1/subscribers/+86{number}", json=customer, headers=TEST, timeout=60)
            assert made.status_code == httpx.codes.OK, made.text
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
    for role in ("web", "worker"):
        with process_of(role, unused_postgresql_url, tmp_path / f"{role}.log") as process:
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
