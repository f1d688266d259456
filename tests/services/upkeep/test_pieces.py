"""A purge runs in pieces that delete few rows each, finds them by index, and looks at a kept payload now and then."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, update

from app.db import payloads
from app.db.evidence import evidence
from app.db.idempotency import idempotent_call
from app.db.questions import question
from app.db.reports import delivery_report
from app.db.state import current_state
from app.db.writing import insert_rows
from app.domain.policy import RetentionPeriods
from app.services.ids import IdSource
from app.services.upkeep.pieces import Piece, drive
from app.services.upkeep.retention import PurgeCounts, purge, purge_in_pieces
from tests.db.test_plans import BIG, full_scans
from tests.running import ALICE, START, Running
from tests.statements import listening

pytestmark = pytest.mark.anyio
KEPT = RetentionPeriods()
MANY, PIECE = 1_500, 1_000
REPORT = {
    "bucket": 7, "part": 0, "provider": "p", "status": "delivered", "stored_at": START, "message_id": 1,
    "parked": False,
}  # fmt: skip
PARKED = {**REPORT, "parked": True, "message_id": None}
QUESTION = {
    "bucket": 7, "msisdn": ALICE, "tenure": 1, "kind": "k", "state": "", "extension": "", "asked_at": START,
    "expires_at": START,
}  # fmt: skip
CALL = {"caller": "c", "request_hash": "h", "begun_at": START}


def fill(connection: Connection) -> None:
    ids = IdSource()
    for row in (REPORT, PARKED):
        rows = [{**row, "id": next(ids), "provider_message_id": "x"} for _ in range(MANY)]
        insert_rows(connection, delivery_report, rows)
    insert_rows(connection, question, [{**QUESTION, "id": next(ids)} for _ in range(MANY)])
    insert_rows(connection, idempotent_call, [{**CALL, "key": str(number)} for number in range(MANY)])


async def run_purge(gateway: Running) -> PurgeCounts:
    async with gateway.gateway.engine.paused():
        return purge(gateway.gateway.storage.database, KEPT, gateway.gateway.storage.owner.heads)


async def test_no_transaction_deletes_more_than_a_piece(gateway: Running) -> None:
    database = gateway.gateway.storage.database
    await gateway.advance(days=200)
    await database.write(fill)
    deleted: list[int] = []

    def count(_connection: object, cursor: Any, statement: str, *_: object) -> None:  # noqa: ANN401  the driver's
        if statement.startswith("DELETE"):
            deleted[-1] += cursor.rowcount

    def carry_out(piece: Piece) -> object:
        deleted.append(0)
        return database.write_now(piece)

    event.listen(database.engine, "after_cursor_execute", count)
    async with gateway.gateway.engine.paused():
        gone = drive(purge_in_pieces(KEPT, gateway.gateway.storage.owner.heads), carry_out)
    assert gone.reports >= 2 * MANY
    assert min(gone.questions, gone.calls) >= MANY
    assert max(deleted) == PIECE
    assert await gateway.count(question) == await gateway.count(idempotent_call) == 0


async def test_a_purge_that_is_stopped_goes_on_with_what_is_left(gateway: Running) -> None:
    database = gateway.gateway.storage.database
    await gateway.advance(days=200)
    await database.write(fill)
    async with gateway.gateway.engine.paused():
        pieces = purge_in_pieces(KEPT, gateway.gateway.storage.owner.heads)
        piece = next(pieces)
        while (done := database.write_now(piece)) != PIECE:
            piece = pieces.send(done)
    assert (await run_purge(gateway)).reports >= 2 * MANY - PIECE


async def test_a_question_with_a_long_window_holds_up_no_other(gateway: Running) -> None:
    await gateway.advance(days=200)
    ids = IdSource()
    long = [{**QUESTION, "id": next(ids), "expires_at": START + timedelta(days=365)} for _ in range(PIECE)]
    short = {**QUESTION, "id": next(ids)}
    await gateway.gateway.storage.database.write(lambda connection: insert_rows(connection, question, [*long, short]))
    await run_purge(gateway)
    assert await gateway.count(question) == PIECE


async def old_tenures(gateway: Running) -> set[str]:
    before = (await gateway.gateway.storage.database.read(current_state)).now - KEPT.evidence
    find = lambda connection: payloads.tenures_with_old(connection, before, PIECE)  # noqa: E731
    return {msisdn for _, msisdn, _ in await gateway.gateway.storage.database.read(find)}


async def test_payloads_that_are_needed_are_looked_at_again_later(gateway: Running) -> None:
    assert await old_tenures(gateway) == set()
    await gateway.advance(days=184)
    assert await old_tenures(gateway) == {ALICE}
    assert (await run_purge(gateway)).payloads == 0
    assert await old_tenures(gateway) == set()
    await gateway.advance(days=31)
    assert await old_tenures(gateway) == {ALICE}


async def test_evidence_that_cannot_be_read_is_tried_the_next_day(gateway: Running, log: io.StringIO) -> None:
    await gateway.say("QXCL")
    spoiled = update(evidence).where(evidence.c.msisdn == ALICE).values(payload="no JSON")
    await gateway.gateway.storage.database.write(lambda connection: connection.execute(spoiled))
    await gateway.advance(days=400)
    await run_purge(gateway)
    assert "the evidence of a tenure was not purged" in log.getvalue()
    assert ALICE not in log.getvalue()
    assert await old_tenures(gateway) == set()
    await gateway.advance(days=2)
    assert await old_tenures(gateway) == {ALICE}


def scans(explained: list[str], *, sqlite: bool) -> list[str]:
    if sqlite:
        scanned = full_scans("", explained)
        return [name for name, index in scanned if name != "campaign" and not (index and index.endswith("_id"))]
    return [name for step in explained for name in re.findall(r"Seq Scan on (\w+)", step) if name in BIG]


async def test_a_purge_scans_no_table_that_grows(gateway: Running) -> None:
    database = gateway.gateway.storage.database
    await gateway.say("0000")
    await gateway.say("1")
    await gateway.advance(days=400)
    await database.write(fill)
    seen: dict[str, object] = {}
    with listening(seen.__setitem__, database.engine):
        await run_purge(gateway)

    def plans(connection: Connection) -> dict[str, list[str]]:
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        return {
            statement: [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", given)]  # type: ignore[arg-type]
            for statement, given in seen.items()
            if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE", "WITH"}
        }

    found = await database.write(plans)
    assert len(found) > 20, "too few statements were recorded"
    bad = {statement: tables for statement, plan in found.items() if (tables := scans(plan, sqlite=database.is_sqlite))}
    assert bad == {}
