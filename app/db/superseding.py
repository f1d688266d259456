"""Superseding of MTs: what is no longer true is not sent, nor tried again (safety.md 18)."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, select

from app.db.claims import Key
from app.db.keys import ITEM, NUMBER, TENURE, TenureKey
from app.db.outbound_messages import outbound_message, set_fates
from app.db.outbox import of_row, outbox, remove_free
from app.db.rows import AnySelect, Fields, as_keys, fetch, given_keys, matching
from app.db.writing import Given, update_rows
from app.domain.messages import OutboundStatus

_mt = outbound_message
_MATTER = (*NUMBER, "about")
# What the row of the outbox says of the attempts.
_TRIED = ("attempts", "error_code")
# Bucket, number and the matter, as ``Matter`` writes it.
MatterKey = tuple[int, str, str]


@cache
def _on_their_way(dialect: str, keys: tuple[str, ...]) -> AnySelect:
    """Return the query for the messages of given numbers that are on their way, with a further value of theirs."""
    given = given_keys(dialect, _mt, keys)
    [further] = [name for name in keys if name not in NUMBER]
    return (
        select(*(outbox.c[name] for name in (*ITEM, *_TRIED)))
        .join_from(outbox, given, matching(outbox, given, NUMBER))
        .join(_mt, of_row())
        .where(_mt.c[further] == given.c[further])
    )


def _supersede(connection: Connection, found: Sequence[Fields], now: datetime) -> set[Key]:
    """Supersede those of the messages that nobody is sending. Return their keys."""
    ours = remove_free(connection, [tuple(row[:3]) for row in found])
    fates = {"status": OutboundStatus.SUPERSEDED, "final_at": now}
    rows = [dict(zip((*ITEM, *_TRIED), row, strict=True)) for row in found if tuple(row[:3]) in ours]
    set_fates(connection, [{**row, **fates} for row in rows])
    return ours


def supersede_matters(connection: Connection, matters: Sequence[MatterKey], now: datetime) -> None:
    """Supersede queued messages about matters; those under way are sent, and tried again."""
    if matters:
        found = fetch(connection, _on_their_way(connection.dialect.name, _MATTER), as_keys(matters))
        _supersede(connection, found, now)


def _is_valid_longer(given: Given) -> ColumnElement[bool]:
    return outbox.c.valid_until > given("valid_until")


def _message_is_valid_longer(given: Given) -> ColumnElement[bool]:
    return _mt.c.valid_until > given("valid_until")


def supersede_tenures(connection: Connection, tenures: Sequence[TenureKey], now: datetime) -> None:
    """Supersede queued messages of ended tenures; messages under way are not tried again."""
    found = fetch(connection, _on_their_way(connection.dialect.name, TENURE), as_keys(tenures))
    ours = _supersede(connection, found, now)
    rest = [tuple(row[:3]) for row in found if tuple(row[:3]) not in ours]
    over = [{**dict(zip(ITEM, key, strict=True)), "valid_until": now} for key in rest]
    update_rows(connection, outbox, over, ITEM, only=_is_valid_longer)
    update_rows(connection, _mt, over, ITEM, only=_message_is_valid_longer)
