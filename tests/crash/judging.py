"""What must hold after a round of chaos, judged by what was seen outside: at the carrier, and by its acknowledgements."""

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from app.db.events import event
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.message_parts import message_part
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.record_tables import RECORD_TABLES
from app.db.session import Database
from app.domain.messages import AttemptResult, InboundStatus, OutboundStatus
from app.domain.storage import StorageUnavailableError
from app.domain.tickets import Ticket, TicketKind
from tests.crash.carrier import TIMEOUT_SECONDS, Answer, Arrival
from tests.crash.process import environment_of

PROVIDER = "theirs"
_OF_INBOUND = ("id", "msisdn", "provider_message_id", "text", "status", "trace")
_OF_OUTBOUND = (
    "id", "msisdn", "in_reply_to", "text", "encoding", "segments", "status", "attempts", "provider_message_id",
)  # fmt: skip
Row = Mapping[str, Any]
_ticket = RECORD_TABLES[Ticket].table


@dataclass
class Outside:
    """What the customers and the carrier know.

    Attributes:
        accepted: the messages that got a 2xx, by their ids, with their senders; each after the one before.
        delivered: the references whose reports got a 2xx.
        faults: when each began and ended, in monotonic seconds.
        refusals: how often a webhook answered otherwise, by status.
    """

    accepted: dict[str, str] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    faults: list[tuple[float, float]] = field(default_factory=list)
    refusals: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class Found:
    """The rows at the end, and what arrived at the carrier.

    Attributes:
        unknown: how many attempts got no answer, by message.
        theirs: the carrier's ids of the segments of messages that have several.
        by_segment: the carrier takes each segment by itself.
    """

    outside: Outside
    on_unknown: str
    inbound: Sequence[Row]
    outbound: Sequence[Row]
    unknown: Counter[str]
    theirs: Mapping[str, Sequence[str]]
    arrivals: Sequence[Arrival]
    by_segment: bool = False

    @property
    def taken(self) -> Mapping[str, Mapping[int, list[Arrival]]]:
        """By reference and segment, how often the carrier took it, in the order in which messages came first."""
        found: dict[str, dict[int, list[Arrival]]] = defaultdict(lambda: defaultdict(list))
        for arrival in self.arrivals:
            if arrival.is_taken:
                found[arrival.reference][arrival.part].append(arrival)
        return found


def wait_until_settled(database: Database, within_seconds: float) -> None:
    """Wait until nothing waits any more, whether to be handled or to be sent."""
    deadline = time.monotonic() + within_seconds
    pending = inbound_message.c.status == InboundStatus.PENDING
    while True:
        try:
            left = database.read_now(
                lambda connection: _count(connection, inbound_message, pending) + _count(connection, outbox)
            )
        except StorageUnavailableError:
            left = -1
        if left == 0:
            return
        assert time.monotonic() < deadline, f"{left} messages still wait"
        time.sleep(0.2)


def _count(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()


def read(database: Database, outside: Outside, on_unknown: str, arrivals: Sequence[Arrival]) -> Found:
    """Read the messages of the database."""

    def rows(connection: Connection) -> Found:
        inbound, outbound = (
            list(
                map(
                    dict,
                    connection.execute(
                        select(*(table.c[name] for name in names))
                        .where(table.c.provider == PROVIDER)
                        .order_by(table.c.msisdn, table.c.id)
                    ).mappings(),
                )
            )
            for table, names in ((inbound_message, _OF_INBOUND), (outbound_message, _OF_OUTBOUND))
        )
        no_answer = select(attempt.c.message_id).where(attempt.c.result == AttemptResult.UNKNOWN)
        unknown = Counter(connection.execute(no_answer).scalars())
        theirs: dict[str, list[str]] = defaultdict(list)
        for message_id, one in connection.execute(
            select(message_part.c.message_id, message_part.c.provider_message_id)
        ):
            theirs[message_id].append(one)
        return Found(outside, on_unknown, inbound, outbound, unknown, theirs, arrivals)

    return database.read_now(rows)


def per_number(database: Database, table: Table, *conditions: ColumnElement[bool]) -> Mapping[str, int]:
    """Return how many rows each number has."""
    statement = select(table.c.msisdn, func.count()).where(*conditions).group_by(table.c.msisdn)
    return database.read_now(lambda connection: {row[0]: row[1] for row in connection.execute(statement)})


IS_COMPLAINT = _ticket.c.kind == TicketKind.COMPLAINT
IS_UNSUBSCRIBE = event.c.type == "subscription.unsubscribed"
TICKETS, EVENTS = _ticket, event


def violations(found: Found) -> Iterator[str]:
    """Yield what does not hold of the messages."""
    for check in (
        _stored_once,
        _handled,
        _in_order_of_sending,
        _answered_once,
        _nothing_else_sent,
        _sent,
        _doubles,
        _in_order,
        _reported,
    ):
        yield from check(found)


_Check = Callable[[Found], Iterator[str]]


def _stored_once(found: Found) -> Iterator[str]:
    stored = Counter(row["provider_message_id"] for row in found.inbound)
    for message_id in found.outside.accepted:
        if stored[message_id] != 1:
            yield f"lost or doubled: {message_id} was accepted, and is stored {stored[message_id]} times"
    for message_id in stored.keys() - found.outside.accepted.keys():
        yield f"{message_id} is stored, and was not accepted"


def _handled(found: Found) -> Iterator[str]:
    for row in found.inbound:
        if row["status"] != InboundStatus.HANDLED:
            yield f"{row['provider_message_id']} is {row['status']}: {row['trace']}"


def _in_order_of_sending(found: Found) -> Iterator[str]:
    by_number: dict[str, list[str]] = defaultdict(list)
    for row in found.inbound:
        by_number[row["msisdn"]].append(row["provider_message_id"])
    sent: dict[str, list[str]] = defaultdict(list)
    for message_id, number in found.outside.accepted.items():
        sent[number].append(message_id)
    for number, ids in by_number.items():
        if ids != sent[number]:
            yield f"handled in another order than sent: {ids}"


def _answered_once(found: Found) -> Iterator[str]:
    answers = Counter(row["in_reply_to"] for row in found.outbound)
    for row in found.inbound:
        if answers[row["id"]] != 1:
            yield f"double effect or no reply: {row['provider_message_id']} has {answers[row['id']]} answers"
    if len(found.outbound) != len(found.inbound):
        yield f"{len(found.outbound)} messages answer {len(found.inbound)}"


def _nothing_else_sent(found: Found) -> Iterator[str]:
    for reference in found.taken.keys() - {row["id"] for row in found.outbound}:
        yield f"sent, and not committed: {reference}"


def _sent(found: Found) -> Iterator[str]:
    taken = found.taken
    for row in found.outbound:
        is_unknown = row["status"] == OutboundStatus.UNKNOWN
        missing = (row["segments"] if found.by_segment else 1) - len(taken.get(row["id"], ()))
        if missing and not (is_unknown and found.on_unknown == "wait"):
            yield f"a reply is lost: {row['id']} is {row['status']}, and the carrier never had {missing} of it"
        if is_unknown and found.on_unknown == "resend":
            yield f"{row['id']} is unknown, and was not sent again"


def _doubles(found: Found) -> Iterator[str]:
    for reference, part, arrivals in _parts(found):
        for first, second in pairwise(arrivals):
            if found.on_unknown == "wait" or not _was_unknown(first, second, found):
                after = f"after {second.at - first.at:.1f} s {second.answer}"
                yield f"sent twice: {reference}, segment {part}, {first.answer} and {after}"


def _parts(found: Found) -> Iterator[tuple[str, int, list[Arrival]]]:
    for reference, parts in found.taken.items():
        for part, arrivals in parts.items():
            yield reference, part, arrivals


def _was_unknown(first: Arrival, second: Arrival, found: Found) -> bool:
    """Return True if the gateway could not know that the first was taken: its answer got lost, or a fault came between.

    On a machine that is busy with other tests an answer may also come too late by itself; then the attempt says so.
    """
    if first.answer in (Answer.LATE, Answer.DROPPED) or found.unknown[first.reference]:
        return True
    return any(began <= second.at and ended >= first.at - TIMEOUT_SECONDS for began, ended in found.outside.faults)


def _in_order(found: Found) -> Iterator[str]:
    firsts: dict[str, list[int]] = defaultdict(list)
    messages, known = {row["id"] for row in found.outbound}, set[tuple[str, int]]()
    for arrival in found.arrivals:
        is_new = arrival.is_taken and (arrival.reference, arrival.part) not in known
        if is_new and arrival.reference in messages:
            known.add((arrival.reference, arrival.part))
            firsts[arrival.number].append(int(arrival.reference))
    for number, references in firsts.items():
        if references != sorted(references):
            yield f"out of order at the carrier: {number} got {references}"


def _reported(found: Found) -> Iterator[str]:
    for row in found.outbound:
        if row["id"] in found.outside.delivered and row["status"] != OutboundStatus.DELIVERED:
            yield f"a report is lost: {row['id']} is {row['status']}, and was reported as delivered"


def counts(found: Found) -> Counter[str]:
    """Return the figures of the messages."""
    taken = found.taken
    return Counter(
        {
            "MOs": len(found.outside.accepted),
            "MTs": len(found.outbound),
            "doubled": sum(len(arrivals) - 1 for _, _, arrivals in _parts(found)),
            "attempts without an answer": found.unknown.total(),
            "unknown": sum(row["status"] == OutboundStatus.UNKNOWN for row in found.outbound),
            "unknown and never there": sum(row["id"] not in taken for row in found.outbound),
            "reports": len(found.outside.delivered),
            "503": found.outside.refusals[503],
        }
    )


def evidence_violations(url: str) -> Iterator[str]:
    """Yield what ``smsgw evidence verify`` says against the chains, of a database that no gateway runs on."""
    run = subprocess.run(
        [sys.executable, "-m", "app", "evidence", "verify"],
        env=environment_of(url, {}), capture_output=True, check=False, text=True,
    )  # fmt: skip
    if run.returncode != 0:
        yield f"evidence: {run.stdout}{run.stderr}"
