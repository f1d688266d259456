"""The log, dead letters and errors of the server, for tests of others (testkit 11 and 12)."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from app import observability
from app.db.session import Database
from app.domain.storage import StorageUnavailableError
from tests.running import ALICE, START
from tests.services.trouble import SECRET_TEXT, add_trouble
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio


async def found(web: Web, since: str | None = None) -> tuple[list[dict[str, str]], int]:
    answer = await web.get("/simulator/trouble", **({"since": since} if since else {}))
    assert answer.status_code == 200, answer.text
    return answer.json()["dead_letters"], answer.json()["server_errors"]


# ---- dead letters and errors


async def test_a_dead_letter_is_found_by_time_and_id(web: Web) -> None:
    add_trouble(web.running.gateway.turning.registry)
    await web.running.say(SECRET_TEXT)
    [mo, *_] = await web.running.thread()
    [letter], errors = await found(web)
    assert (letter["handset"], letter["id"], errors) == ("13800138000", mo.id, 0)
    assert "\n" in letter["reason"]
    assert ALICE not in letter["reason"]
    before, after = (START + timedelta(seconds=number) for number in (-1, 1))
    assert (await found(web, before.isoformat()))[0] == [letter]
    assert (await found(web, after.isoformat()))[0] == []
    assert (await found(web, str(int(mo.id) - 1)))[0] == [letter]
    assert (await found(web, mo.id))[0] == []
    await web.call("POST", "/simulator/reset")
    assert await found(web) == ([], 0)


async def test_errors_of_the_server_are_counted_until_a_reset(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Database.read

    async def away(*_given: object, **_more: object) -> None:
        raise StorageUnavailableError("away")

    monkeypatch.setattr(Database, "read", away)
    assert_problem(await web.get("/simulator/handsets"), 503)
    assert_problem(await web.call("GET", "/simulator/nothing"), 404)
    monkeypatch.setattr(Database, "read", read)
    assert await found(web) == ([], 1)
    await web.call("POST", "/simulator/reset")
    assert await found(web) == ([], 0)


@pytest.mark.parametrize("since", ["yesterday", "-", "x" * 41])
async def test_trouble_since_something_else_is_refused(web: Web, since: str) -> None:
    assert_problem(await web.get("/simulator/trouble", since=since), 422)


# ---- the log


@pytest.fixture
def _kept() -> Iterator[None]:
    kept = observability.keep_lines(3)
    yield
    logging.getLogger().removeHandler(kept)


async def lines(web: Web, limit: int = 50) -> list[dict[str, object]]:
    answer = await web.get("/simulator/log", limit=str(limit))
    assert answer.status_code == 200, answer.text
    kept: list[dict[str, object]] = answer.json()["lines"]
    return [line for line in kept if line["logger"] != "httpx"]


@pytest.mark.usefixtures("_kept")
async def test_the_last_lines_of_the_log_are_there_masked(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "httpx")
    log = observability.logger("somebody")
    for number in range(4):
        log.info("a line", number=number, whose=f"of {ALICE}", text="0000")
    logging.getLogger("other").warning("of a library about %s", ALICE)

    [*own, foreign] = await lines(web)
    assert [line["number"] for line in own] == [2, 3]
    assert {(line["whose"], line["text"], line["level"]) for line in own} == {("of +86138****8000", "(hidden)", "info")}
    assert foreign["event"] == "of a library about +86138****8000"
    assert datetime.fromisoformat(str(foreign["timestamp"])).tzinfo is not None
    assert await lines(web, 1) == [foreign]


async def test_without_kept_lines_there_are_none(web: Web) -> None:
    assert await lines(web) == []


@pytest.mark.parametrize("limit", ["0", "501", "x"])
async def test_at_most_500_lines_are_read(web: Web, limit: str) -> None:
    assert_problem(await web.get("/simulator/log", limit=limit), 422)
