"""Each kind of failure is in the log once, in the metrics, and in /readyz where it stops work; so is its end."""

import io
import json
import shutil
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, event, make_url
from standardwebhooks.webhooks import Webhook

from app.db.clock import machine_micros
from app.db.room import ServerRoom
from app.db.session import Database, normalise_url
from app.domain.storage import StorageUnavailableError
from app.main import what_runs
from app.services.membership import BOTH
from app.settings import Settings, SettingsFile
from tests import outage
from tests.crash.process import process_of
from tests.crash.test_disk import full, small_disk
from tests.providers import sink as sinks
from tests.providers.sink import sink
from tests.providers.test_outbound import settings_of
from tests.running import Running, options_of, settings_for
from tests.web.calls import Web, message, serving, web_part

pytestmark = pytest.mark.anyio
SECRET, WRONG = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdA==", "whsec_YW5vdGhlciBzZWNyZXQgb2YgdGVzdHM="
GOES_ON_SECONDS = 60


def said(log: io.StringIO, kind: str) -> list[str]:
    """Return what the log says of a kind of failure."""
    lines = map(json.loads, log.getvalue().splitlines())
    return [line["event"] for line in lines if line.get("kind") == kind]


async def figures(web: Web) -> dict[tuple[str, str, str], float]:
    """Return the figures with a name and, where they have them, a kind and an ``of``."""
    answer = await web.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE_LATEST)
    return {
        (sample.name, sample.labels.get("kind", ""), sample.labels.get("of", "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def failing(web: Web) -> set[str]:
    return {one["kind"] for one in (await web.get("/readyz")).json()["failing"]}


async def settled(web: Web) -> None:
    """Try everything that waits for its next try."""
    deadline = time.monotonic() + GOES_ON_SECONDS
    while True:
        with suppress(StorageUnavailableError):
            await web.running.drain()
            return
        assert time.monotonic() < deadline


@contextmanager
def read_only_file(web: Web) -> Iterator[None]:
    """Make an SQLite file refuse to be written."""
    word = "ON"

    def refuse(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only = {word}")

    def begin_at_all(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = OFF")

    engine = web.running.gateway.storage.database.engine
    event.listen(engine, "checkout", begin_at_all)
    event.listen(engine, "begin", refuse)
    try:
        yield
    finally:
        word = "OFF"


@asynccontextmanager
async def on_a_small_disk(sqlite_url: str) -> AsyncIterator[tuple[Web, Path]]:
    with small_disk("24m") as disk:
        shutil.copyfile(make_url(sqlite_url).database or "", disk / "gateway.db")
        async with serving(settings_for(f"sqlite:///{disk / 'gateway.db'}")) as web:
            yield web, disk


# ---- the database


async def test_a_full_disk_is_noticed_without_a_message_and_passes_by_itself(sqlite_url: str, log: io.StringIO) -> None:
    async with on_a_small_disk(sqlite_url) as (web, disk):
        watch = web.running.gateway.upkeep.watch
        with full(disk):
            await watch.look()
            for place in range(3):
                assert (await web.inbound(message(message_id=f"m-{place}"))).status_code in (202, 503)
            await watch.look()
            answer = await web.get("/readyz")
            assert (answer.status_code, answer.json()["parts"]["database"]) == (503, "down")
            assert {one["kind"] for one in answer.json()["failing"]} == {"disk_full"}
            assert (await figures(web))["smsgw_failing", "disk_full", ""] == 1
            assert said(log, "disk_full") == ["the disk is full; nothing is accepted"]
        await watch.look()
        assert said(log, "disk_full")[1:] == ["the disk has room again"]
        assert (await web.get("/readyz")).status_code == 200
        assert (await figures(web))["smsgw_failing", "disk_full", ""] == 0
        assert (await web.inbound(message(message_id="m-last"))).status_code == 202


async def test_a_disk_that_was_full_is_tried_again_by_whoever_asks_whether_the_gateway_is_ready(
    sqlite_url: str,
) -> None:
    async with on_a_small_disk(sqlite_url) as (web, disk):
        with full(disk):
            await web.running.gateway.upkeep.watch.look()
            assert (await web.get("/readyz")).status_code == 503
        assert (await web.get("/readyz")).status_code == 200


async def test_a_database_that_cannot_be_written_is_said_once(web: Web, log: io.StringIO) -> None:
    database = web.running.gateway.storage.database
    spoiled = read_only_file(web) if database.is_sqlite else outage.read_only(database)
    with spoiled:
        for place in range(3):
            assert (await web.inbound(message(message_id=f"m-{place}"))).status_code == 503
        assert said(log, "read_only") == ["the database is read-only; nothing is accepted"]
        assert "read_only" in await failing(web)
        assert (await figures(web))["smsgw_failing", "read_only", ""] == 1
        if database.is_sqlite:
            assert (await web.get("/readyz")).status_code == 503
    await settled(web)
    assert (await web.inbound(message(message_id="m-last"))).status_code in (200, 202)
    assert said(log, "read_only")[1:] == ["the database can be written again"]
    assert (await web.get("/readyz")).status_code == 200
    assert (await figures(web))["smsgw_failing", "read_only", ""] == 0


async def test_a_database_that_is_away_is_one_line_for_all_steps(postgresql_url: str, log: io.StringIO) -> None:
    async with serving(settings_for(postgresql_url)) as web:
        with outage.away(web.running.gateway.storage.database):
            for loop in web.running.gateway.engine.loops:
                loop.wake()
            for place in range(3):
                assert (await web.inbound(message(message_id=f"m-{place}"))).status_code == 503
            assert said(log, "database_away") == ["the database is away; trying again"]
            answer = await web.get("/readyz")
            assert answer.status_code == 503
            assert "database_away" in {one["kind"] for one in answer.json()["failing"]}
            shown = await figures(web)
            assert shown["smsgw_failing", "database_away", ""] == 1
            assert shown["smsgw_failures_total", "database_away", ""] >= 4
            assert shown["smsgw_database_up", "", ""] == 0
            assert shown["smsgw_build_info", "", ""] == 1
            assert ("smsgw_backlog", "", "") not in shown
        await settled(web)
        assert (await web.inbound(message(message_id="m-last"))).status_code == 202
        assert said(log, "database_away")[1:] == ["the database is back"]
        shown = await figures(web)
        assert (shown["smsgw_database_up", "", ""], shown["smsgw_failing", "database_away", ""]) == (1, 0)
        assert ("smsgw_backlog", "", "") in shown


async def test_an_error_of_ours_does_not_end_the_watch(
    web: Web, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(**_: object) -> None:
        raise RuntimeError("row of +8613800138000")

    database, watch = web.running.gateway.storage.database, web.running.gateway.upkeep.watch
    await web.running.say("帮助")  # so that PostgreSQL has told its time
    with monkeypatch.context() as patch:
        patch.setattr(database, "prove_writing", broken)
        patch.setattr(database.clock, "_machine", lambda: machine_micros() + 600_000_000)
        await watch.look()
    assert said(log, "clock_off") == ["this machine's clock is off"], "the rest is looked at all the same"
    assert "a look at the database failed; trying again" in log.getvalue()
    assert "13800138000" not in log.getvalue()


def test_room_is_taken_by_a_role_that_may_make_no_temporary_tables(postgresql_url: str) -> None:
    database = Database(normalise_url(postgresql_url))
    room = ServerRoom(database.failures, database.engine)

    def as_weak_role(connection: Connection) -> None:
        for statement in (
            "CREATE ROLE weak",
            f'REVOKE TEMPORARY ON DATABASE "{database.url.database}" FROM PUBLIC',
            "GRANT USAGE ON SCHEMA public TO weak",
            "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO weak",
            "SET LOCAL ROLE weak",
        ):
            connection.exec_driver_sql(statement)
        room.take(connection)
        connection.rollback()

    database.write_now(as_weak_role)
    database.close()


async def test_a_write_with_a_key_is_answered_503_like_any_other(settings: Settings) -> None:
    """No error goes through to the server, which would write it to the log at each call."""
    app = web_part(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as it,
    ):
        web = Web(it, Running(app.state.gateway))
        database = web.running.gateway.storage.database
        with read_only_file(web) if database.is_sqlite else outage.away(database):
            headers = {"Authorization": "Bearer demo", "Idempotency-Key": "k-1"}
            answer = await it.put("/api/v1/services/YX", json={}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
            assert answer.headers["retry-after"]


# ---- carriers


async def test_a_carrier_that_is_away_is_said_at_its_first_failure(sqlite_url: str, log: io.StringIO) -> None:
    async with sink() as carrier, serving(settings_of(sqlite_url, carrier)) as web:
        carrier.behaviour = lambda _reference, _time: sinks.CLOSES_BEFORE_READING
        await web.running.store(web.running.message("帮助", provider="carrier"))
        await web.running.drain()
        assert said(log, "carrier_away") == ["a carrier does not take messages; trying again"]
        assert (await web.get("/readyz")).status_code == 200, "messages wait, that is all"
        assert await failing(web) == {"carrier_away"}
        shown = await figures(web)
        assert shown["smsgw_failing", "carrier_away", "carrier"] == 1
        assert shown["smsgw_failures_total", "carrier_away", "carrier"] >= 1

        carrier.behaviour = lambda _reference, _time: sinks.TAKES
        await web.running.store(web.running.message("帮助", sender="+8613900139000", provider="carrier"))
        await web.running.drain()
        assert said(log, "carrier_away")[1:] == ["a carrier takes messages again"]
        assert await failing(web) == set()
        assert (await figures(web))["smsgw_failing", "carrier_away", "carrier"] == 0


async def test_a_carrier_that_nobody_listens_for_is_said_in_words(sqlite_url: str, log: io.StringIO) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    given = {"kind": "generic", "secret": SECRET, "send_url": f"http://127.0.0.1:{port}/", "timeout": "1s"}
    file = SettingsFile(default_provider="carrier", providers={"carrier": options_of(**given)})
    async with serving(settings_for(sqlite_url, file=file)) as web:
        await web.running.store(web.running.message("帮助", provider="carrier"))
        await web.running.drain()
    [line] = [one for one in map(json.loads, log.getvalue().splitlines()) if one.get("kind") == "carrier_away"]
    assert (line["of"], line["cause"]) == ("carrier", "connection refused")
    assert line["next"]


def _signed(settings: Settings) -> Settings:
    file = SettingsFile(providers={"signed": options_of(kind="generic", secret=SECRET)})
    return settings.model_copy(update={"file": file})


async def _post(web: Web, secret: str, message_id: str, at: datetime | None = None) -> int:
    at = at or datetime.now(UTC)
    body = json.dumps(message(message_id=message_id))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }
    return (await web.client.post("/webhooks/signed/inbound", content=body, headers=headers)).status_code


async def test_a_wrong_secret_is_said_once_and_counted_until_the_right_one_comes(
    sqlite_url: str, log: io.StringIO
) -> None:
    async with serving(_signed(settings_for(sqlite_url))) as web:
        before = (await _unauthenticated(web)).get("signed", 0)
        for place in range(5):
            assert await _post(web, WRONG, f"m-{place}") == 401
        assert said(log, "wrong_secret") == ["a webhook is refused: who calls could not prove who it is"]
        assert (await web.get("/readyz")).status_code == 200
        assert await failing(web) == {"wrong_secret"}
        assert (await figures(web))["smsgw_failing", "wrong_secret", "signed"] == 1
        assert (await _unauthenticated(web))["signed"] == before + 5

        assert await _post(web, SECRET, "m-1") == 202
        assert said(log, "wrong_secret")[1:] == ["a webhook's calls are authentic again"]
        assert await failing(web) == set()
        for secret in (SECRET, WRONG):
            assert secret not in log.getvalue()
            assert secret.removeprefix("whsec_") not in log.getvalue()


async def _unauthenticated(web: Web) -> dict[str, float]:
    families = text_string_to_metric_families((await web.get("/metrics")).text)
    return {
        sample.labels["provider"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "smsgw_webhooks_unauthenticated_total"
    }


async def test_a_token_that_is_not_valid_is_said_once_a_minute_and_counted(sqlite_url: str, log: io.StringIO) -> None:
    async with serving(settings_for(sqlite_url)) as web:
        before = (await figures(web))["smsgw_failures_total", "wrong_token", ""]
        secret = web.running.gateway.management.tokens.create("crm", frozenset({"read"}))
        web.running.gateway.management.tokens.revoke("crm")
        for token in (secret, "guessed", None):
            assert (await web.call("GET", "/api/v1/tickets", token=token)).status_code == 401
        [line] = [one for one in map(json.loads, log.getvalue().splitlines()) if one.get("kind") == "wrong_token"]
        assert line["cause"] == "The token crm was revoked."
        assert (await figures(web))["smsgw_failures_total", "wrong_token", ""] == before + 3
        assert await failing(web) == set()
        assert secret not in log.getvalue()
        assert "guessed" not in log.getvalue()


# ---- the clock


async def test_a_clock_that_is_off_is_said_once(web: Web, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = web.running.gateway
    await web.running.say("帮助")  # so that PostgreSQL has told its time
    await gateway.upkeep.watch.look()
    assert said(log, "clock_off") == []
    with monkeypatch.context() as patch:
        patch.setattr(gateway.storage.database.clock, "_machine", lambda: machine_micros() + 600_000_000)
        await gateway.upkeep.watch.look()
        await gateway.upkeep.watch.look()
        assert said(log, "clock_off") == ["this machine's clock is off"]
        assert "600.0 s ahead" in log.getvalue()
        assert (await web.get("/readyz")).status_code == 200
        assert await failing(web) == {"clock_off"}
        assert (await figures(web))["smsgw_failing", "clock_off", ""] == 1
    await gateway.upkeep.watch.look()
    assert said(log, "clock_off")[1:] == ["this machine's clock is right again"]
    assert await failing(web) == set()


# ---- requests


async def test_each_line_about_a_request_has_its_id(
    web: Web, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(web.running.gateway.upkeep.health, "figures", broken)
    for _ in range(2):
        assert (await web.get("/metrics")).status_code == 500
    ids = [
        one["request_id"] for one in map(json.loads, log.getvalue().splitlines()) if one["event"] == "a request failed"
    ]
    assert len(set(ids)) == 2


async def test_the_line_about_what_runs_has_no_address_of_the_database(database_url: str) -> None:
    settings = settings_for(database_url)
    async with serving(settings) as web:
        line = what_runs(web.running.gateway, settings, BOTH)
    assert line["database"] == ("SQLite" if database_url.startswith("sqlite") else "PostgreSQL")
    assert line["providers"] == {"generic": "generic", "simulator": "simulator"}
    assert (line["environment"], line["roles"]) == ("test", ["web", "worker"])
    assert line["version"]
    assert database_url not in str(line)


def test_a_start_is_one_line_with_what_runs(sqlite_url: str, tmp_path: Path) -> None:
    with process_of("serve", sqlite_url, tmp_path / "gateway.log") as gateway:
        lines = [json.loads(one) for one in gateway.log_file.read_text("utf-8").splitlines() if one.startswith("{")]
        [line] = [one for one in lines if one["event"] == "the gateway runs"]
        assert (line["port"], line["url"], line["database"]) == (gateway.port, gateway.base, "SQLite")


async def test_answers_are_counted_by_route_and_status_and_no_label_has_an_id(web: Web) -> None:
    for path in (
        "/api/v1/subscribers/13800138000",
        "/api/v1/subscribers/13711112222",
        "/nope/13711112222",
        "/static/x",
    ):
        await web.get(path)
    await web.inbound(message())
    await web.inbound({})
    await web.inbound(message(), provider="nobody")
    families = text_string_to_metric_families((await web.get("/metrics")).text)
    counted = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"])
        for family in families
        for sample in family.samples
        if sample.name == "smsgw_http_requests_total"
    }
    assert {
        ("GET", "/api/v1/subscribers/{msisdn}", "200"),
        ("GET", "/api/v1/subscribers/{msisdn}", "404"),
        ("GET", "none", "404"),
        ("GET", "/static", "404"),
        ("POST", "/webhooks/{provider}/inbound", "202"),
        ("POST", "/webhooks/{provider}/inbound", "422"),
        ("POST", "/webhooks/{provider}/inbound", "404"),
    } <= counted
    assert not any("137" in route for _, route, _ in counted)


async def test_times_are_measured_from_end_to_end(sqlite_url: str) -> None:
    async with sink() as carrier, serving(settings_of(sqlite_url, carrier)) as web:
        before = await _counts(web)
        await web.running.store(web.running.message("帮助", provider="carrier"))
        await web.inbound(message("帮助"), provider="generic")
        await web.running.drain()
        after = await _counts(web)
    for name in ("smsgw_answer_seconds", "smsgw_handover_seconds", "smsgw_webhook_seconds", "smsgw_step_seconds"):
        assert after[name] > before.get(name, 0), name


async def _counts(web: Web) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in text_string_to_metric_families((await web.get("/metrics")).text):
        for sample in family.samples:
            assert not sample.name.endswith("_created")
            if sample.name.endswith("_count"):
                name = sample.name.removesuffix("_count")
                found[name] = found.get(name, 0) + sample.value
    return found
