"""Tables of records: one for each kind, its columns derived from the fields of the kind's class.

Every table also has the columns of customer data, and ``open``, by which records that can still change are found
however old they are. Fields that are no string, integer, boolean or instant are stored as JSON text.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text
from sqlalchemy.types import TypeEngine

from app.db import columns
from app.db.columns import customer, partial_index
from app.db.keys import TENURE, TenureKey
from app.db.types import Instant, from_micros
from app.domain.bills import Bill, Spend
from app.domain.campaigns import CampaignMessage
from app.domain.charges import Charge, Use
from app.domain.consents import MarketingConsent
from app.domain.orders import Order
from app.domain.passwords import PasswordTries
from app.domain.preferences import Preferences
from app.domain.records import Record
from app.domain.refunds import Refund
from app.domain.spam import SpamReport
from app.domain.suspension import LowBalance, Suspension
from app.domain.tickets import Ticket
from app.domain.usage import DataUsage
from app.domain.values import value

Reader = Callable[[Any], object]
_PLAIN: Mapping[type, type[TypeEngine[Any]]] = {str: Text, bool: Boolean, int: BigInteger, datetime: Instant}


def _same(stored: object) -> object:
    return stored


@value
class Field:
    """A field and its column; ``read`` converts the stored value to the field's, ``write`` does the reverse."""

    name: str
    type: type[TypeEngine[Any]]
    optional: bool
    read: Reader
    write: Reader


@value
class RecordTable:
    """A kind of record and its table."""

    kind: type[Record]
    table: Table
    fields: tuple[Field, ...]

    def record(self, row: Mapping[str, Any]) -> Record:
        """Return the record in a row whose instants are microseconds."""
        values: dict[str, Any] = {
            field.name: None if (stored := row[field.name]) is None else field.read(stored) for field in self.fields
        }
        return self.kind(**values)

    def row(self, tenure: TenureKey, record: Record) -> dict[str, object]:
        """Return the row of a record; ``tenure`` is bucket, number and tenure."""
        row: dict[str, object] = dict(zip(TENURE, tenure, strict=True))
        for field in self.fields:
            found = getattr(record, field.name)
            row[field.name] = None if found is None else field.write(found)
        return {**row, "open": record.is_open}


def _field(name: str, hint: Any) -> Field:  # noqa: ANN401  a type, whatever it is
    choices = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (kind,) = (choice for choice in choices if choice is not NoneType)
    optional = len(choices) > 1
    if kind is datetime:
        return Field(name, Instant, optional, from_micros, _same)
    if kind is bool:
        return Field(name, Boolean, optional, bool, _same)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Field(name, Text, optional, kind, _same)
    if kind in _PLAIN:
        return Field(name, _PLAIN[kind], optional, _same, _same)
    adapter: TypeAdapter[object] = TypeAdapter(kind)
    return Field(name, Text, optional, adapter.validate_json, lambda item: adapter.dump_json(item).decode())


def _table(name: str, kind: type[Record], *indexes: tuple[str, ...]) -> RecordTable:
    """Return the table of a kind; ``indexes`` are for queries across subscribers."""
    hints = get_type_hints(kind)
    of_kind = tuple(_field(field.name, hints[field.name]) for field in fields(kind))
    table = Table(
        name,
        columns.metadata,
        *customer(),
        *(Column(field.name, field.type, nullable=field.optional) for field in of_kind),
        Column("open", Boolean, nullable=False),
        PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id"),
        Index(f"ix_{name}_id", "id"),
        partial_index(f"ix_{name}_open", "bucket", "msisdn", "tenure", where="open"),
        *(Index(f"ix_{name}_{'_'.join(names)}", *names) for names in indexes),
    )
    return RecordTable(kind, table, of_kind)


RECORD_TABLES: Mapping[type[Record], RecordTable] = {
    item.kind: item
    for item in (
        _table("service_order", Order, ("state", "id"), ("service_code", "id")),
        _table("ticket", Ticket, ("state", "id"), ("number",)),
        _table("charge", Charge, ("state", "id")),
        _table("per_use", Use),
        _table("refund", Refund, ("ticket_id",)),
        _table("spam_report", SpamReport, ("number",)),
        _table("preferences", Preferences),
        _table("data_usage", DataUsage),
        _table("bill", Bill),
        _table("spend", Spend),
        _table("low_balance", LowBalance),
        _table("suspension", Suspension),
        _table("password_tries", PasswordTries),
        _table("marketing_consent", MarketingConsent),
        _table("campaign_message", CampaignMessage, ("id", "state")),
    )
}
