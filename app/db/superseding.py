"""Superseding of MTs: what is no longer true is not sent, nor tried again (safety.md 18)."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, select

from app.db.keys import ITEM, NUMBER, TENURE, ItemKey, TenureKey
from app.db.outbound_messages import outbound_message, set_fates
from app.db.outbox import of_row, outbox, remove_free
from app.db.rows import AnySelect, as_keys, fetch, given_keys, matching
from app.db.writing import Given, update_rows
from app.domain.messages import OutboundStatus

_mt = outbound_message
_MATTER = (*NUMBER, "about")
# Bucket, number and the matter, as ``Matter`` writes it.
MatterKey = tuple[int, str, str]


@cache
def _on_their_way(dialect: str, keys: tuple[str, ...]) -> AnySelect:
    """Return the query for the messages of given numbers that are on their way, with a further value of theirs."""
    given = given_keys(dialect, _mt, keys)
    [further] = [name for name in keys if name not in NUMBER]
    return (
        select(*(outbox.c[name] for name in ITEM))
        .join_from(outbox, given, matching(outbox, given, NUMBER))
        .join(_mt, of_row())
        .where(_mt.c[further] == given.c[further])
    )


def _supersede(connection: Connection, keys: Sequence[ItemKey], now: datetime) -> None:
    fates = {"status": OutboundStatus.SUPERSEDED, "final_at": now}
    set_fates(connection, [{**dict(zip(ITEM, key, strict=True)), **fates} for key in keys])


def supersede_matters(connection: Connection, matters: Sequence[MatterKey], now: datetime) -> None:
    """Supersede queued messages about matters; those under way are sent, and tried again."""
    if matters:
        found = fetch(connection, _on_their_way(connection.dialect.name, _MATTER), as_keys(matters))
        _supersede(connection, list(remove_free(connection, [(row[0], row[1], row[2]) for row in found])), now)


def _is_valid_longer(given: Given) -> ColumnElement[bool]:
    return outbox.c.valid_until > given("valid_until")


def _message_is_valid_longer(given: Given) -> ColumnElement[bool]:
    return _mt.c.valid_until > given("valid_until")


def supersede_tenures(connection: Connection, tenures: Sequence[TenureKey], now: datetime) -> None:
    """Supersede queued messages of ended tenures; messages under way are not tried again."""
    found = fetch(connection, _on_their_way(connection.dialect.name, TENURE), as_keys(tenures))
    keys = [(row[0], row[1], row[2]) for row in found]
    superseded = remove_free(connection, keys)
    _supersede(connection, list(superseded), now)
    over = [{**dict(zip(ITEM, key, strict=True)), "valid_until": now} for key in keys if key not in superseded]
    update_rows(connection, outbox, over, ITEM, only=_is_valid_longer)
    update_rows(connection, _mt, over, ITEM, only=_message_is_valid_longer)
