"""An import changes what the same calls, made one by one, would change, however its lines are shared out on commits."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from app.db.conversations import conversation
from app.db.evidence import evidence
from app.db.outbound_messages import outbound_message
from app.db.session import Database
from app.db.subscribers import subscriber
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.domain.storage import StorageUnavailableError
from app.services.turns import calls
from tests.running import Running
from tests.web.api.test_imports import lines, post
from tests.web.api.test_imports import subscriber as customer
from tests.web.api.test_imports import subscription as held
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio
_T = TypeVar("_T")
FIRST, SECOND = "+8613700137000", "+8613700137001"
# Columns that differ between two customers with equal lines.
OWN = {"bucket", "msisdn", "id", "subject", "salt", "payload_hash", "previous_hash", "hash", "version"}
OWN |= {"evidence_hash", "evidence_mac"}
CODES = ("CL", "SJB", "TQ", "YYH", "ZQ")
TABLES = (subscriber, subscription, evidence, timer, conversation, outbound_message)


def life_of(msisdn: str) -> list[dict[str, Any]]:
    """Return lines of one customer; some are refused, some change nothing, and the number is given up in between."""
    return [
        held("CL", msisdn),
        customer(msisdn, points=1),
        held("CL", msisdn),
        held("NONE", msisdn),
        held("SJB", msisdn, price_fen=200, started_at="2025-08-01T00:00:00+08:00"),
        held("SJB", msisdn, price_fen=300),
        customer(msisdn, brand="unknown-brand"),
        held("YYH", msisdn, state="trial", trial_ends_at="2026-03-20T12:00:00+08:00"),
        held("YYH", msisdn),
        held("CL", msisdn, started_at="2024-08-01T00:00:00+08:00"),
        customer(msisdn, plan={"name": "流量", "data_kb": 1024}),
        customer(msisdn, service_password="802913"),
        customer(msisdn, status="closed"),
        held("CL", msisdn),
        customer(msisdn, points=2, service_password="802911"),
        customer(msisdn, points=3, service_password="802911"),
        held("CL", msisdn, as_of="2026-03-02T10:00:00+08:00"),
        held("TQ", msisdn),
    ]


async def one_by_one(web: Web, given: Sequence[dict[str, Any]]) -> list[int]:
    """Make the call of each line; return the statuses."""
    statuses = []
    for line in given:
        fields = {name: item for name, item in line.items() if name not in ("type", "msisdn", "service_code")}
        path = f"/api/v1/subscribers/{line['msisdn']}"
        if "service_code" in line:
            path += f"/subscriptions/{line['service_code']}"
        statuses.append((await web.call("PUT", path, fields)).status_code)
    return statuses


async def facts(running: Running, msisdn: str) -> dict[str, list[dict[str, Any]]]:
    """Return a number's rows without ids and hashes, in the order in which they were made."""
    return {
        table.name: sorted(
            (
                {name: item for name, item in row.items() if name not in OWN and "password" not in name}
                for row in await running.rows(table, table.c.msisdn == msisdn)
            ),
            key=str,
        )
        for table in TABLES
    }


async def test_an_import_writes_the_rows_that_single_calls_write(web: Web) -> None:
    async with web.running.gateway.engine.paused():  # the notices of passwords stay queued
        statuses = await one_by_one(web, life_of(FIRST))
        report = (await post(web, lines(*life_of(SECOND)))).json()
        found, wanted = await facts(web.running, SECOND), await facts(web.running, FIRST)

    assert {error["line"]: error["status"] for error in report["errors"]} == {
        place: status for place, status in enumerate(statuses, 1) if status not in (200, 201)
    }
    assert len(set(statuses)) > 2
    assert found == wanted
    assert all(found.values())
    assert sorted(row["status"] for row in found["outbound_message"]) == ["queued", "superseded"]
    for tenure in (1, 2):
        assert (await web.running.gateway.management.directory.verify(SECOND, tenure)).ok


async def test_where_the_commits_fall_makes_no_difference(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async with web.running.gateway.engine.paused():
        whole = (await post(web, lines(*life_of(FIRST)))).json()
        monkeypatch.setattr(calls, "_MAX_OF_SET", 3)
        parted = (await post(web, lines(*life_of(SECOND)))).json()
        found, wanted = await facts(web.running, SECOND), await facts(web.running, FIRST)

    assert parted == whole
    assert found == wanted


async def test_lines_about_the_catalogue_take_effect_between_their_neighbours(web: Web) -> None:
    service = {
        "type": "service", "service_code": "XIN", "name": "新服务", "sp_code": "CMCC", "billing": "monthly",
        "price_fen": 200, "cancel_effect": "immediate", "cancellable_by_sms": True, "on_offer": True,
        "trial_days": 0, "visible": True,
    }  # fmt: skip
    report = (await post(web, lines(customer(FIRST), held("XIN", FIRST), service, held("XIN", FIRST)))).json()

    assert [(error["line"], error["status"]) for error in report["errors"]] == [(2, 404)]
    [row] = await web.running.rows(subscription, subscription.c.msisdn == FIRST)
    assert (row["service_code"], row["price_fen"]) == ("XIN", 200)


async def test_an_import_that_broke_off_is_repeated_as_a_whole(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_MAX_OF_SET", 5)
    write, left = Database.write_large, iter(range(2))

    async def away(database: Database, work: Callable[[Connection], _T]) -> _T:
        if next(left, None) is None:
            raise StorageUnavailableError("away")
        return await write(database, work)

    monkeypatch.setattr(Database, "write_large", away)
    of_each = [[customer(number), *(held(code, number) for code in CODES)] for number in (FIRST, SECOND)]
    content = lines(*of_each[0], *of_each[1])
    assert_problem(await post(web, content), 503)
    assert 0 < await web.running.count(subscription, subscription.c.msisdn.in_([FIRST, SECOND])) < 10
    monkeypatch.setattr(Database, "write_large", write)
    report = (await post(web, content)).json()

    assert (report["imported"], report["failed"]) == (12, 0)
    first, second = await facts(web.running, FIRST), await facts(web.running, SECOND)
    assert first == second
    assert json.loads(first["evidence"][0]["payload"])["before"] is None
    assert len(first["subscription"]) == len(first["evidence"]) == 5
