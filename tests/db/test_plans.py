"""No statement of everyday work scans a whole table of customer data."""

import re

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.db import schema
from app.db.directory import MessageFilter
from app.db.simulator import being_sent
from app.domain.messages import DeliveryReport, OutboundStatus
from app.services.management.owners import OwnerFilter
from app.services.paging import PageRequest
from app.services.simulator.outbox import outbox_of
from tests.running import ALICE, Running, running, settings_for
from tests.statements import listening

pytestmark = pytest.mark.anyio
# The outbox holds what is on its way, however many messages were sent.
SMALL = {"service_provider", "service", "api_token", "gateway_state", "provider_lane", "outbox"}
BIG = {table.name for table in schema.metadata.sorted_tables if table.name not in SMALL}
# Partial indexes of unfinished rows: short, however many rows are finished.
SHORT = {
    index.name
    for table in schema.metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
_SCAN = re.compile(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?")


async def a_day(gateway: Running) -> None:
    """Run each kind of everyday work once."""
    for text, to in (
        ("0000", "10086"),
        ("查1", "10086977"),
        ("1,2", "10086977"),
        ("全部", "10086977"),
        ("N", "10086977"),
        ("帮助", "10086"),
    ):
        await gateway.say(text, to)
    await gateway.store(gateway.message("0000", message_id="twice"), gateway.message("0000", message_id="twice"))
    for part in gateway.parts(["TS 乱", "扣费"]):
        await gateway.store(part)
        await gateway.drain()
    await gateway.faults("error", count=1)
    await gateway.say("0000", sender="+8613800200001")
    await gateway.subscriber("+8613800200001", balance_fen=1)
    await gateway.subscribe("+8613800200001", "CL")
    await gateway.gateway.management.directory.unsubscribe("+8613800200001", AgentUnsubscribe("agent", "CL", "why"))
    await gateway.gateway.carriers.receipts.store("simulator", DeliveryReport("unknown", OutboundStatus.DELIVERED))
    await gateway.reports("undelivered", delay_seconds=5)
    await gateway.say("0000")
    await gateway.advance(days=31)


async def staff_queries(gateway: Running) -> None:
    """Run queries of staff about a customer or a message."""
    await gateway.gateway.management.directory.subscriber(ALICE)
    await gateway.gateway.management.directory.subscriptions(ALICE)
    await gateway.gateway.management.directory.evidence(OwnerFilter(ALICE), PageRequest(2, "2"))
    await gateway.gateway.management.directory.verify(ALICE)
    page = (
        await gateway.gateway.management.messages.page(MessageFilter(ALICE), PageRequest(10, descending=True))
    ).items
    await gateway.gateway.management.messages.page(MessageFilter(), PageRequest(10, page[-1].id, descending=True))
    await gateway.gateway.management.messages.page(
        MessageFilter(direction="mo", status="dead"), PageRequest(10, descending=True)
    )
    for message in page:
        await gateway.gateway.management.messages.one(message.id, former=False)
        await gateway.gateway.simulator.inspector.inspect(ALICE, message.id)
    await gateway.gateway.management.messages.retry(page[0].id)
    await gateway.thread()
    await gateway.gateway.carriers.network.thread(ALICE, page[-1].id, 10)
    read = gateway.gateway.storage.database.read
    await read(lambda connection: outbox_of(connection, ALICE, ["simulator", "toy"]))
    await read(lambda connection: being_sent(connection, "toy", ALICE, "10086", "您好"))


async def test_no_statement_of_a_day_scans_a_table_that_grows(sqlite_url: str) -> None:
    async with running(settings_for(sqlite_url)) as gateway:
        database = gateway.gateway.storage.database
        statements: dict[str, object] = {}
        with listening(statements.__setitem__, database.engine, database._reading):
            await a_day(gateway)
            await staff_queries(gateway)

        def plans(connection: object) -> dict[str, list[str]]:
            return {
                statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]  # type: ignore[attr-defined]
                for statement, parameters in statements.items()
                if statement.split(maxsplit=1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}
            }

        found = await database.read(plans)

    assert len(found) > 80, "too few statements were recorded"
    assert any(statement.startswith("UPDATE outbound_message") for statement in found)
    bad = {
        statement: steps
        for statement, steps in found.items()
        for table, index in full_scans(statement, steps)
        # By id with a limit: no more rows are read than the page needs.
        if not (index and index.endswith("_id") and " LIMIT " in statement)
    }
    assert bad == {}


def full_scans(statement: str, steps: list[str]) -> list[tuple[str, str | None]]:
    """Return the large tables that a statement scans, each with the index that gives the order."""
    scans = [scan for step in steps if (scan := _SCAN.match(step))]
    return [(scan[1], scan[2]) for scan in scans if real_table(statement, scan[1]) in BIG and scan[2] not in SHORT]


def real_table(statement: str, name: str) -> str:
    """Return the table behind an alias."""
    found = re.search(rf"(\w+) AS {name}\b", statement)
    return found[1] if found else name
