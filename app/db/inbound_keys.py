"""What MOs are known by: the carrier's id of each, with the id of the message that came under it (delivery.md 2)."""

from collections.abc import Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    select,
)

from app.db.claims import remove_rows
from app.db.columns import metadata, required
from app.db.rows import AnySelect, Row, as_keys, given_keys, matching
from app.db.types import Id
from app.db.writing import Given, insert_new_rows

# Beside the messages, so that these need no key but their ids. The bucket comes last, so that messages of a batch are
# neighbours and few pages are written.
inbound_key = Table(
    "inbound_key",
    metadata,
    *required(Text, "provider", "provider_message_id", "msisdn"),
    *required(SmallInteger, "part", "bucket"),
    Column("id", Id, nullable=False),
    PrimaryKeyConstraint("provider", "provider_message_id", "msisdn", "part", "bucket"),
    sqlite_with_rowid=False,
)

KEY = ("provider", "provider_message_id", "msisdn", "part", "bucket")
NAMES = (*KEY, "id")
# The values of ``KEY``.
InboundKey = tuple[Any, ...]
key_of = itemgetter(*KEY)


def add(connection: Connection, messages: Sequence[Row]) -> int:
    """Note the keys of messages that are not known yet. Return their number; of several with one key the first counts.

    In the order of the keys, so that two transactions that store the same messages do not wait for each other.
    """
    rows = [{name: message[name] for name in NAMES} for message in messages]
    return insert_new_rows(connection, inbound_key, sorted(rows, key=key_of))


@cache
def _ids(dialect: str) -> AnySelect:
    given = given_keys(dialect, inbound_key, KEY)
    return select(inbound_key).join_from(inbound_key, given, matching(inbound_key, given, KEY))


def ids_of(connection: Connection, messages: Sequence[Row]) -> Mapping[InboundKey, str]:
    """Return the ids of the messages that came first under the keys of given messages."""
    found = connection.execute(_ids(connection.dialect.name), as_keys(list(map(key_of, messages)))).mappings()
    return {key_of(row): str(row["id"]) for row in found}


def _is_of_message(given: Given) -> ColumnElement[bool]:
    return inbound_key.c.id == given("id")


def remove(connection: Connection, messages: Sequence[Row]) -> None:
    """Forget the keys of deleted messages, unless they are another message's, which came first."""
    rows = [{name: message[name] for name in NAMES} for message in messages]
    remove_rows(connection, inbound_key, rows, KEY, _is_of_message)
