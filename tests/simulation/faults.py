"""Planted faults: guarantees of the gateway, each broken by a small change, to prove that the simulation would see it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, true

from app.commands.charges import reminding
from app.db import handovers, inbound_keys, inbox, outbox, recovery, waiting
from app.db.events import append_events
from app.db.evidence import append_evidence
from app.db.inbox import StoreResult
from app.db.writing import insert_rows
from app.domain.charges import Charge
from app.services.delivery import attempts, claims, reported
from app.services.delivery.receipts import Receipts
from app.services.events.outgoing_events import OutgoingEvents
from app.services.turns.handling import Turns
from app.services.turns.unit_of_work import UnitOfWork
from tests.simulation.seeds import Fault, changed

FAULTS: dict[str, Fault] = {}
_Rows = list[Any]


def fault(promise: str) -> Callable[[Callable[[], Iterator[None]]], Fault]:
    """Mark what breaks a promise while it is entered."""

    def mark(plant: Callable[[], Iterator[None]]) -> Fault:
        FAULTS[promise] = contextmanager(plant)
        return FAULTS[promise]

    return mark


def _in_another_commit(rows_of: str, store: Callable[[Connection, _Rows], object]) -> Iterator[None]:
    """Take rows of a turn out of its commit, and write them in a commit of their own after it."""
    write, run = UnitOfWork.write, Turns._write
    late: dict[object, _Rows] = defaultdict(list)

    def write_less(self: UnitOfWork, connection: Connection, *given: Any, **named: Any) -> Any:  # noqa: ANN401  as it takes
        late[connection.engine] += getattr(self, rows_of)
        setattr(self, rows_of, [])
        return write(self, connection, *given, **named)

    async def run_twice(self: Turns, work: Callable[[Connection], Any]) -> bool:
        is_full = await run(self, work)
        if rows := late.pop(self._database.engine, []):
            await self._database.write(lambda connection: store(connection, rows))
        return is_full

    with changed(UnitOfWork, "write", write_less), changed(Turns, "_write", run_twice):
        yield


@fault("an MO is marked as handled in the commit of its effects")
def handled_later() -> Iterator[None]:
    yield from _in_another_commit("_handled", inbox.mark)


@fault("evidence is written in the commit of what it proves")
def evidence_later() -> Iterator[None]:
    yield from _in_another_commit("_evidence", append_evidence)


@fault("events are written in the commit of the change")
def events_later() -> Iterator[None]:
    yield from _in_another_commit("_events", append_events)


@fault("a repeated MO is recognised")
def repeats_are_new() -> Iterator[None]:
    def store(connection: Connection, rows: Sequence[dict[str, object]]) -> list[StoreResult]:
        inbound_keys.add(connection, rows)
        insert_rows(connection, inbox.inbound_message, rows)
        return [StoreResult(str(row["id"]), is_new=True) for row in rows]

    with changed(inbox, "store", store):
        yield


@fault("MOs of a subscriber are handled in the order of their storing")
def newest_first() -> Iterator[None]:
    pending_of = waiting.pending_of
    with changed(waiting, "pending_of", lambda *given: pending_of(*given)[::-1]):
        yield


@fault("an MT waits for the earlier ones of its subscriber and lane")
def nothing_waits() -> Iterator[None]:
    with changed(outbox, "may_go", true), changed(outbox, "busy_numbers", lambda *_: set()):
        yield


@fault("an unknown attempt is repeated only where its carrier recognises it")
def blind_resends() -> Iterator[None]:
    handover_of = attempts.handover_of

    def resending(*given: Any, resends_unknown: bool) -> handovers.Handover:  # noqa: ANN401  as it takes
        return handover_of(*given, resends_unknown=True)

    with changed(claims, "handover_of", resending):
        yield


@fault("what a dead worker was sending counts as an unknown attempt")
def dead_workers_sent_nothing() -> Iterator[None]:
    release = recovery.release_lost_leases
    with changed(recovery, "release_lost_leases", lambda *given, **named: release(*given, **{**named, "resend": True})):
        yield


@fault("a worker that lost its lease records nothing but an acceptance")
def leases_are_not_checked() -> Iterator[None]:
    take_out = handovers._take_out

    def take_out_any(connection: Connection, found: Sequence[handovers.Handover], _only: object) -> set[Any]:
        return take_out(connection, found, _anybody) or {
            (one.message.bucket, one.message.msisdn, one.message.id) for one in found
        }

    with changed(handovers, "_take_out", take_out_any):
        yield


def _anybody(_given: object) -> Any:  # noqa: ANN401  a condition
    return true()


@fault("a fee is taken only after its reminder")
def fees_without_reminder() -> Iterator[None]:
    with changed(Charge, "needs_no_reminder", property(lambda _: True)):
        yield


@fault("a fee is not taken before the window of its reminder is over")
def windows_are_over() -> Iterator[None]:
    with changed(reminding, "_window_end", lambda _turn, handed_over_at: handed_over_at):
        yield


@fault("reports only raise the status of an MT")
def reports_lower() -> Iterator[None]:
    with changed(reported, "status_after_report", lambda _, report: report):
        yield


@fault("a report that comes before the answer to the submit is kept")
def early_reports_are_lost() -> Iterator[None]:
    with changed(Receipts, "apply_parked", lambda *_: None):
        yield


@fault("an event whose worker died is sent again")
def lost_events() -> Iterator[None]:
    async def nothing(_self: OutgoingEvents) -> None:
        pass

    with changed(OutgoingEvents, "end_lapsed_leases", nothing):
        yield
