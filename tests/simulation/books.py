"""What a life leaves behind: the rows of the database, beside the books of carriers and receivers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Table, select

from app.db import records
from app.db.directory import subscriptions_of
from app.db.events import event
from app.db.evidence import chain_of, head_of
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.session import Database, normalise_url
from app.domain.charges import Charge
from app.domain.evidence import EvidenceRecord, verify
from app.domain.ids import first_at
from app.domain.records import Record
from app.domain.subscriptions import Subscription

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Customer:
    """A customer's records. ``is_whole``: the chain of evidence verifies."""

    msisdn: str
    subscriptions: Sequence[Subscription]
    charges: Sequence[Charge]
    evidence: Sequence[EvidenceRecord]
    is_whole: bool

    def evidence_of(self, kind: str, subject: str) -> list[dict[str, Any]]:
        """Return the payloads of the evidence of a kind about something."""
        return [json.loads(one.payload or "{}") for one in self.evidence if (one.kind, one.subject) == (kind, subject)]


@dataclass(frozen=True)
class Books:
    """Everything in the database that the invariants are about, oldest first."""

    inbound: Sequence[RowMapping]
    outbound: Sequence[RowMapping]
    outbox: Sequence[RowMapping]
    attempts: Sequence[RowMapping]
    events: Sequence[RowMapping]
    customers: Sequence[Customer]


def read_books(file: Path, numbers: Sequence[str], since: datetime) -> Books:
    """Read the database of a life that began at ``since`` (UTC) and is over."""
    database = Database(normalise_url(f"sqlite:///{file}"))
    try:
        return database.read_now(lambda connection: _read(connection, numbers, since))
    finally:
        database.close()


def _read(connection: Connection, numbers: Sequence[str], since: datetime) -> Books:
    def rows(table: Table) -> Sequence[RowMapping]:
        key = table.c["id" if "id" in table.c else "message_id"]
        new = select(table).where(key >= str(first_at(since))).order_by(key)
        return connection.execute(new).mappings().all()

    return Books(
        rows(inbound_message), rows(outbound_message), rows(outbox), rows(attempt), rows(event),
        [_customer(connection, number) for number in numbers],
    )  # fmt: skip


def _customer(connection: Connection, msisdn: str) -> Customer:
    chain = list(chain_of(connection, msisdn, 1))
    charges = [one.record for one in records.of_number(connection, Charge, msisdn, 1)]
    return Customer(
        msisdn, subscriptions_of(connection, msisdn, 1), [one for one in charges if isinstance(one, Charge)],
        chain, verify(chain, head_of(connection, msisdn, 1)).ok,
    )  # fmt: skip
