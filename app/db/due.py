"""What falls due next, and of which kind: one statement each for simulated time and for the loops of the engine."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    func,
    literal_column,
    select,
    type_coerce,
)

from app.db import campaigns, delivery_outcomes, event_queue, inbox, outbox_due, simulator, terms, timers, unknown_sends
from app.db.outbound_messages import outbound_message
from app.db.provider_state import LONGEST_PAUSE
from app.db.rows import AnySelect, fetch
from app.db.shares import Share, in_share, share_given
from app.db.state import current_state
from app.db.types import Instant, from_micros

# ---- for simulated time


class Kind(StrEnum):
    """A kind of work that falls due, in the order in which work of the same time is done.

    HANDSETS is sending to the simulated network, CARRIERS through all other providers. EVENTS, posting events to
    others, is left out unless it is asked for.
    """

    REPORTS = "reports"
    TURNS = "turns"
    HANDSETS = "handsets"
    CARRIERS = "carriers"
    EVENTS = "events"


# All but what waits for servers of others.
OWN = tuple(kind for kind in Kind if kind is not Kind.EVENTS)

EVER = datetime(1970, 1, 1, tzinfo=UTC)
# When an outcome is due that no turn has learnt yet: before everything else.
_AT_ONCE = literal_column("1", BigInteger)
_AFTER: Mapping[Kind, BindParameter[datetime]] = {
    kind: bindparam(f"after_{kind.value}", type_=Instant) for kind in Kind
}
_SIMULATOR: BindParameter[str] = bindparam("simulator")
_PAUSES_UNTIL: BindParameter[datetime] = bindparam("pauses_until", type_=Instant)
_QUERIES = [
    (Kind.REPORTS, simulator.next_due(_AFTER[Kind.REPORTS])),
    *((Kind.TURNS, kind.next_due(_AFTER[Kind.TURNS])) for kind in (inbox, timers, unknown_sends)),
    (Kind.HANDSETS, outbox_due.next_to_go(_SIMULATOR, _AFTER[Kind.HANDSETS], _PAUSES_UNTIL)),
    (Kind.CARRIERS, outbox_due.next_due(_SIMULATOR, _AFTER[Kind.CARRIERS])),
    (Kind.CARRIERS, outbox_due.next_resumed(_SIMULATOR, _AFTER[Kind.CARRIERS])),
    (Kind.CARRIERS, outbox_due.next_expiry(_SIMULATOR, _AFTER[Kind.CARRIERS])),
    (Kind.EVENTS, event_queue.next_due(_AFTER[Kind.EVENTS])),
]
_OUTCOMES = case((delivery_outcomes.has_pending(), _AT_ONCE))


@cache
def _statement(kinds: Sequence[Kind]) -> tuple[Sequence[Kind], AnySelect]:
    """Return the statement for some kinds of work, and the kind of each of its columns."""
    queries = [(kind, type_coerce(query.scalar_subquery(), BigInteger)) for kind, query in _QUERIES if kind in kinds]
    columns = [*queries, (Kind.TURNS, _OUTCOMES)] if Kind.TURNS in kinds else queries
    return [kind for kind, _ in columns], select(*(column for _, column in columns))


def next_due(
    connection: Connection,
    kinds: tuple[Kind, ...] = OWN,
    *,
    after: Mapping[Kind, datetime] = MappingProxyType({}),
    simulated: str = "",
    pauses_until: datetime = EVER,
) -> dict[Kind, datetime]:
    """Return when work of each of ``kinds`` next falls due; kinds of which nothing falls due are left out.

    Args:
        connection: that of the caller's transaction.
        kinds: what is looked at.
        after: what is due at this time or before is left out, by kind.
        simulated: the name of the provider that sends to the simulated network; empty: none does.
        pauses_until: a pause of that provider that ends later does not count.
    """
    afters = {kind: after.get(kind, EVER) for kind in Kind}
    given = {_AFTER[kind].key: moment for kind, moment in afters.items()}
    columns, statement = _statement(kinds)
    [row] = fetch(connection, statement, {**given, "simulator": simulated, "pauses_until": pauses_until})
    found: dict[Kind, datetime] = {}
    for kind, micros in zip(columns, row, strict=True):
        moment = None if micros is None else from_micros(micros)
        if moment is not None and moment > afters[kind]:
            found[kind] = min(moment, found.get(kind, moment))
    return found


# ---- for the loops of the engine


class Work(StrEnum):
    """What a loop of the engine does. DELIVERY is sending through one provider, LEASES ending those that lapsed."""

    REPORTS = "reports"
    TURNS = "turns"
    DELIVERY = "delivery"
    LEASES = "leases"
    CAMPAIGNS = "campaigns"
    NEW_TERMS = "new terms"
    EVENTS = "events"


# The work of a loop, and the provider's name for DELIVERY.
LoopWork = tuple[Work, str]
_EVER_SINCE: BindParameter[datetime] = bindparam("ever_since", type_=Instant)
_NOW: BindParameter[datetime] = bindparam("now", type_=Instant)


_Next = Callable[[BindParameter[datetime]], Select[tuple[datetime]]]
_LAPSES = (outbox_due.next_lapse(), event_queue.next_lapse())
# Work that is shared out, and the tables in which the next of it is found.
_SHARED: Mapping[Work, Sequence[tuple[_Next, Table]]] = {
    Work.REPORTS: [(simulator.next_due, simulator.simulator_message)],
    Work.TURNS: [
        (inbox.next_due, inbox.inbound_message),
        (timers.next_due, timers.timer),
        (unknown_sends.next_due, outbound_message),
    ],
}
_ALONE: Mapping[Work, Sequence[ColumnElement[Any]]] = {
    Work.LEASES: [lapse.scalar_subquery() for lapse in _LAPSES],
    Work.CAMPAIGNS: [case((campaigns.has_unfinished(), _AT_ONCE))],
    Work.NEW_TERMS: [case((terms.has_unfinished(), _AT_ONCE))],
}


def _next(query: _Next, *conditions: ColumnElement[bool]) -> ColumnElement[datetime]:
    """Return the column: the time of anything that is due, as that is found soon among many; else the next one."""
    anything = query(_EVER_SINCE).order_by(None).where(*conditions)
    due = anything.where(anything.selected_columns[0] <= _NOW)
    return func.coalesce(due.scalar_subquery(), query(_NOW).where(*conditions).scalar_subquery())


def _limits(table: Table, *, shared: bool) -> Sequence[ColumnElement[bool]]:
    return [in_share(table)] if shared else []


def _columns_of(work: Work, provider: str, *, shared: bool) -> Sequence[ColumnElement[Any]]:
    if work in _SHARED:
        columns = [_next(query, *_limits(table, shared=shared)) for query, table in _SHARED[work]]
        outcomes = case((delivery_outcomes.has_pending(*_limits(outbound_message, shared=shared)), _AT_ONCE))
        return [*columns, outcomes] if work is Work.TURNS else columns
    if work is Work.EVENTS:
        return [_next(event_queue.next_due)]
    return _ALONE.get(work) or [outbox_due.next_claim(provider, _NOW, _PAUSES_UNTIL)]


@cache
def _outlook(loops: tuple[LoopWork, ...], *, shared: bool) -> tuple[Sequence[LoopWork], AnySelect]:
    """Return the statement for some loops, and the loop of each of its columns."""
    columns = [
        (loop, type_coerce(column, BigInteger)) for loop in loops for column in _columns_of(*loop, shared=shared)
    ]
    return [loop for loop, _ in columns], select(*(column for _, column in columns))


def outlook(
    connection: Connection, loops: tuple[LoopWork, ...], share: Share | None = None
) -> dict[LoopWork, datetime]:
    """Return when each loop next has something to do, by the database's clock (UTC); EVER: now.

    Of reports and turns only those of a share are looked at. Loops that never have anything to do by themselves are
    left out, as are all but LEASES for what lies ahead of a frozen clock.
    """
    if not loops:
        return {}
    state = current_state(connection)
    now, is_frozen = state.now, state.clock_frozen_at is not None
    ahead = now - state.read_at
    given = {"now": now, "ever_since": EVER, "pauses_until": now + LONGEST_PAUSE}
    columns, statement = _outlook(loops, shared=share is not None)
    [row] = fetch(connection, statement, {**given, **share_given(connection.dialect.name, share)})
    found: dict[LoopWork, datetime] = {}
    for loop, micros in zip(columns, row, strict=True):
        if micros is None:
            continue
        moment = from_micros(micros)
        if loop[0] is not Work.LEASES and moment <= now:
            moment = EVER
        elif loop[0] is not Work.LEASES:
            if is_frozen:
                continue
            moment -= ahead
        found[loop] = min(moment, found.get(loop, moment))
    return found
