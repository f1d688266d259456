"""A received password appears in nothing readable afterwards: answers, threads, metrics, database files, log."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.web.calls import ALICE_HOME, Web, message, serving

pytestmark = pytest.mark.anyio
OLD, NEW = "135790", "246813"
SECRETS = (OLD, NEW, "１３５７９０", "1 3 5 7 9 0", "135-790", "999777")
CHANGE = f"XGMM#{OLD}#{NEW}#{NEW}"
# A well-formed body, then invalid ones.
TEXTS = (
    CHANGE, f"XGMM#999777#{NEW}#{NEW}", f"xgmm {OLD} {NEW} {NEW}", f"ＸＧＭＭ＃１３５７９０＃{NEW}", f"X G M M#{OLD}", f"XGMM{OLD}",
    f"XGMM#{OLD}#{NEW}", f"{OLD}#{NEW}", f"1 3 5 7 9 0*{NEW}", f"“XGMM#{OLD}”。", f"\u200bXGMM\u200b#{OLD}", f"QX{OLD}#{NEW}", f"TS {OLD}#{NEW}",
    f"95588*{OLD}#{NEW}", f"XGMM#{OLD}#{NEW}#" + "9" * 5000, f"XGMM\n{OLD}\n{NEW}", f"XGMM:{OLD}", f"XGMM {OLD}\x00{NEW}",
)  # fmt: skip
NUMBERS = ("10086", "10086977", "10086999", "10086901", "1008620400", "10086888")


# The same six digits in an id, a fraction or a longer number are a coincidence.
_WHOLE = re.compile(rf"(?<![0-9a-f.])(?:{'|'.join(SECRETS)})(?![0-9a-f])")


def assert_nothing_in(where: str, *texts: str) -> None:
    found = [secret for text in texts for secret in _WHOLE.findall(text)]
    assert not found, f"{where}: {found}"


def test_digits_by_chance_are_not_taken_for_secrets() -> None:
    assert_nothing_in("ids and figures", "0190a135790b-7abc 1795389.246813 9135790", "10:00:00.135790Z")
    for text in (OLD, f'"text":"{CHANGE}"', f"QX{NEW}#", f"95588*{OLD}#x", f"XGMM{OLD}\n{NEW}", "1 3 5 7 9 0"):
        with pytest.raises(AssertionError):
            assert_nothing_in("a text", text)


async def everything_readable(web: Web, document: dict[str, Any]) -> dict[str, str]:
    """Return the answer to every GET of the API, with the ids of existing rows."""
    answers = {}
    ids = {name: (await web.get(f"/api/v1/{name}s")).text for name in ("message", "ticket", "order", "charge", "event")}
    known = {f"{name}_id": re.findall(r'"id":"([^"]+)"', text) for name, text in ids.items()}
    for path, calls in document["paths"].items():
        if "get" not in calls or (path.endswith("/events") and "simulator" in path):  # an endless stream
            continue
        named = path.replace("{msisdn}", "13800138000")
        [hole] = re.findall(r"{(\w+)}", named) or [""]
        for one in known.get(hole, ["x"]) if hole else [""]:
            url = named.replace(f"{{{hole}}}", one) if hole else named
            answers[url] = (await web.get(url)).text
    return answers


@pytest.fixture
async def with_password(web: Web) -> Web:
    assert (await web.call("PATCH", ALICE_HOME, {"service_password": OLD})).status_code == 200
    return web


async def test_nothing_readable_contains_a_password(
    with_password: Web, document: dict[str, Any], log: io.StringIO
) -> None:
    web = with_password
    for place, text in enumerate(TEXTS):
        for number in NUMBERS:
            body = message(text, f"m-{place}-{number}", to=number)
            assert (await web.inbound(body)).status_code == 202
        assert (
            await web.call("POST", "/simulator/handsets/13800138000/messages", {"to": "10086", "text": text})
        ).status_code == 202
        await web.running.drain()
        await web.running.advance(minutes=2)  # beyond the rate limit

    answers = await everything_readable(web, document)
    assert len(answers) > 60
    for url, text in answers.items():
        assert_nothing_in(url, text)
    assert_nothing_in("the log", log.getvalue())


@pytest.mark.parametrize(
    "content",
    [
        f'{{"message_id": "m", "from": "13800138000", "to": "10086", "text": ["{CHANGE}"]}}',
        f'{{"message_id": "m", "from": "13800138000", "to": "10086", "text": "{CHANGE}"',
        f'{{"message_id": "m", "from": "13800138000", "to": "10086", "text": "{CHANGE}", "note": "{CHANGE}"}}',
        f'{{"message_id": "m", "from": "13800138000", "to": "10086", "text": "{CHANGE}", "received_at": "{CHANGE}"}}',
        f'[{{"message_id": "{CHANGE}", "from": "13800138000"}}]',
        CHANGE,
    ],
)
async def test_an_answer_to_a_spoiled_body_does_not_quote_it(
    web: Web, document: dict[str, Any], log: io.StringIO, content: str
) -> None:
    for answer in (
        await web.inbound(content=content),
        await web.status(content=content),
        await web.call("POST", "/simulator/handsets/13800138000/messages", content=content),
        await web.call("POST", "/api/v1/orders", content=content),
        await web.call("PATCH", ALICE_HOME, content=f'{{"service_password": {content!r}}}'),
    ):
        assert_nothing_in(str(answer.request.url), answer.text)
    await web.running.drain()
    for url, text in (await everything_readable(web, document)).items():
        assert_nothing_in(url, text)
    assert_nothing_in("the log", log.getvalue())


async def test_no_database_file_contains_a_password(
    sqlite_url: str, tmp_path: Path, settings: Settings, log: io.StringIO
) -> None:
    """Checks the file, its write-ahead log and its index, while the gateway runs and after it has stopped."""
    if not settings.database_url.startswith("sqlite"):
        pytest.skip("the files of a server are not ours to read")

    def written() -> list[str]:
        return [path.read_bytes().decode("utf-8", "replace") for path in tmp_path.iterdir() if path.is_file()]

    def found() -> list[str]:
        # Columns are adjacent in a row, so the bytes around a secret do not show whether it is part of an id.
        return [secret for secret in SECRETS for text in written() if secret in text]

    async with serving(settings) as web:
        await web.call("PATCH", ALICE_HOME, {"service_password": OLD})
        async with web.running.gateway.engine.paused():
            for place, text in enumerate(TEXTS):
                await web.inbound(message(text, f"m-{place}"))
            assert len(written()) > 1
            assert found() == []
        await web.running.drain()
        assert found() == []
    assert found() == []


async def test_a_refusal_quotes_no_number_that_a_field_is_named_by(web: Web) -> None:
    for name in ("13712345678", "+8613712345678"):
        answer = await web.call("PATCH", ALICE_HOME, {name: 1})
        assert answer.status_code == 422
        assert "3712345678" not in answer.text
        assert "+86137****5678" in answer.text
