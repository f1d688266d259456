"""Pages, health, metrics, and rules for all answers (delivery.md, security; safety.md 29)."""

import re
from collections.abc import AsyncIterator

import pytest

from app.db.reports import delivery_report
from app.settings import Environment
from app.web.pages import STATIC
from tests.outage import away
from tests.running import settings_for
from tests.services.carriers import use
from tests.services.trouble import SECRET_TEXT, add_trouble
from tests.web.calls import Web, assert_problem, serving

pytestmark = pytest.mark.anyio
_ELSEWHERE = re.compile(r"(?:src|href|url|action)\s*=?\s*[\"'(]?\s*(?:https?:)?//")


# ---- problems


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/simulator",
        "/static/nothing.js",
        "/handset/x",
        "/static/../main.py",
        "/%2e%2e/etc/passwd",
    ],
)
async def test_an_unknown_path_is_a_problem(web: Web, path: str) -> None:
    assert_problem(await web.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/livez", "GET"),
        ("POST", "/api/v1/messages", "GET"),
        ("DELETE", "/api/v1/services/CL", "PUT"),
        ("GET", "/simulator/drain", "POST"),
        ("PUT", "/handset", "GET"),
    ],
)
async def test_a_wrong_method_is_a_problem_that_names_the_right_one(
    web: Web, method: str, path: str, allowed: str
) -> None:
    answer = await web.call(method, path)
    assert_problem(answer, 405)
    assert allowed in answer.headers["allow"]


async def test_an_endless_body_is_refused(web: Web) -> None:
    huge = b'{"text": "' + b"x" * 3_000_000 + b'"}'
    for method, path in (
        ("POST", "/simulator/handsets/13800138000/messages"),
        ("POST", "/simulator/reset"),
        ("PUT", "/api/v1/subscribers/13700137000"),
        ("PUT", "/api/v1/services/CL"),
    ):
        assert_problem(await web.call(method, path, content=huge), 413)
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield b" " * 10_000

        headers = {"Authorization": "Bearer demo", "Content-Type": "application/json"}
        assert_problem(await web.client.request(method, path, content=endless(), headers=headers), 413)
        assert read < 20


async def test_an_internal_error_reveals_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("13800138000 secret words")

    monkeypatch.setattr(web.running.gateway.management.messages, "page", broken, raising=False)
    answer = await web.get("/api/v1/messages")
    assert_problem(answer, 500)
    assert "secret" not in answer.text


# ---- pages


@pytest.mark.parametrize("path", ["/handset", "/docs"])
async def test_a_page_loads_nothing_from_other_hosts(web: Web, path: str) -> None:
    answer = await web.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert not _ELSEWHERE.search(answer.text)
    for part in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", answer.text):
        found = await web.get(part)
        assert found.status_code == 200, part


async def test_no_page_has_inline_scripts(web: Web) -> None:
    for path in ("/handset", "/docs"):
        text = (await web.get(path)).text
        assert not re.search(r"<script(?![^>]*src=)", text)
        assert not re.search(r"\son\w+\s*=", text)


@pytest.mark.parametrize(
    "path",
    [
        "/handset",
        "/docs",
        "/",
        "/openapi.json",
        "/static/handset/main.js",
        "/livez",
        "/api/v1/messages",
        "/nothing",
        "/simulator/handsets",
    ],
)
async def test_every_answer_carries_the_strict_policy(web: Web, path: str) -> None:
    answer = await web.get(path)
    policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert ("'unsafe-inline'" in policy["style-src"]) is (path == "/docs")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_modules_of_the_page_exist_and_are_local(web: Web) -> None:
    found, waiting = set[str](), ["/static/handset/main.js"]
    while waiting:
        path = waiting.pop()
        found.add(path)
        script = await web.get(path)
        assert script.status_code == 200, path
        assert script.headers["content-type"].startswith("text/javascript"), path
        assert not _ELSEWHERE.search(script.text), path
        assert len(script.text.splitlines()) < 300, path
        imported = {f"/static/handset/{name}" for name in re.findall(r'from "\./([^"]+)"', script.text)}
        waiting += imported - found - set(waiting)
    assert found == {f"/static/handset/{file.name}" for file in (STATIC / "handset").glob("*.js")}


def test_the_page_has_all_texts_in_both_languages() -> None:
    folder = STATIC / "handset"
    english, chinese = (
        [
            key
            for words in sorted(folder.glob(f"words.*{language}.js"), key=lambda file: len(file.name))
            for key in re.findall(r"^  (\w+): ", words.read_text(), re.MULTILINE)
        ]
        for language in ("en", "zh")
    )
    assert english == chinese
    assert len(set(english)) == len(english)
    page = (STATIC.parent / "handset.html").read_text()
    asked_for = set(re.findall(r'data-t="(\w+)"', page))
    for attributes in re.findall(r'data-t-attr="([^"]+)"', page):
        asked_for |= {pair.split(":")[1] for pair in attributes.split()}
    assert asked_for <= set(english)


async def test_the_page_contains_the_gateway_s_keywords(web: Web) -> None:
    [keywords] = re.findall(r'data-keywords="([^"]*)"', (await web.get("/handset")).text)
    assert {"0000", "HELP", "帮助", "QX"} <= set(keywords.split())


async def test_the_root_redirects_to_the_handset(web: Web) -> None:
    answer = await web.get("/")
    assert answer.status_code in (302, 303, 307)
    assert answer.headers["location"] == "/handset"


async def test_in_production_there_is_no_handset(unused_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = use(monkeypatch, unused_sqlite_url).file
    async with serving(settings_for(unused_sqlite_url, Environment.PRODUCTION, file)) as web:
        for path in ("/", "/handset", "/simulator/handsets"):
            assert_problem(await web.get(path), 404)
        reference = await web.get("/docs")
        assert (reference.status_code, "/handset" in reference.text) == (200, False)
        assert (await web.get("/livez")).status_code == 200


# ---- health and metrics


async def test_liveness_does_not_depend_on_other_parts(web: Web) -> None:
    with away(web.running.gateway.storage.database):
        assert (await web.get("/livez")).json() == {"status": "ok"}


async def test_readiness_names_each_part(web: Web) -> None:
    answer = await web.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["parts"]["database"] == "ok"
    assert set(answer.json()["parts"]["providers"]) == {"generic", "simulator"}


async def test_an_unavailable_database_is_not_ready(postgresql_url: str) -> None:
    async with serving(settings_for(postgresql_url)) as web:
        with away(web.running.gateway.storage.database):
            answer = await web.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["parts"]["database"] == "down"
            assert_problem(await web.get("/api/v1/subscribers/13800138000"), 503)
            assert (await web.get("/api/v1/messages")).headers["retry-after"]
        assert (await web.get("/readyz")).status_code == 200


async def test_metrics_count_and_contain_no_customer_data(web: Web) -> None:
    add_trouble(web.running.gateway.turning.registry)
    await web.running.say("QXNOBODY")
    await web.running.say(SECRET_TEXT)
    await web.inbound({"message_id": "1", "from": "13712345678", "to": "10086", "text": "PRIVATE"})
    await web.status({"message_id": "13712345678", "status": "delivered"})
    answer = await web.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'smsgw_backlog{queue="dead"} 1.0' in answer.text
    for figure in (
        "smsgw_inbound_stored_total",
        "smsgw_turns_total",
        "smsgw_outbound_accepted_total",
        "smsgw_batch_size_count",
    ):
        assert figure in answer.text
    for private in ("13800138000", "13712345678", "PRIVATE", "NOBODY"):
        assert private not in answer.text
    assert await web.running.count(delivery_report, delivery_report.c.parked) == 1
