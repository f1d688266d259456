"""What falls due next, and of which kind: one statement, as simulated time asks for it at every step."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, case, literal_column, select, type_coerce

from app.db import delivery_outcomes, inbox, outbox_due, simulator, timers, unknown_sends
from app.db.rows import AnySelect, fetch
from app.db.types import Instant, from_micros


class Kind(StrEnum):
    """A kind of work that falls due, in the order in which work of the same time is done.

    HANDSETS is sending to the simulated network, CARRIERS through all other providers.
    """

    REPORTS = "reports"
    TURNS = "turns"
    HANDSETS = "handsets"
    CARRIERS = "carriers"


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
    kinds: tuple[Kind, ...] = tuple(Kind),
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
