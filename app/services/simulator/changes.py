"""What a turn changed, in short, from its evidence and the records that it made."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.db import directory, inspection
from app.db.catalogue import load_catalogue
from app.db.directory import MessageRead
from app.db.evidence import chain_of
from app.db.inspection import RecordFound
from app.db.keys import TenureKey
from app.domain import actors
from app.domain.evidence import EvidenceRecord
from app.domain.values import value

# What a table of records holds, where its name does not say it.
_CALLED = {"service_order": "order", "per_use": "use"}


@value
class Change:
    """Something that a turn changed or made.

    Attributes:
        what: ``subscription``, a kind of record such as ``ticket``, or the kind of evidence of anything else.
        service: the name of its service; None if it is of none.
        before, after: its state as the evidence has it, such as ``active``; None: none is on record. ``after`` of a
            record whose state the evidence does not name is its present state.
    """

    what: str
    id: str
    service_code: str | None
    service: str | None
    before: str | None
    after: str | None


def payload_of(record: EvidenceRecord) -> Mapping[str, object]:
    """Return the payload of a record of evidence; empty once it was erased."""
    found: Mapping[str, object] = json.loads(record.payload or "{}")
    return found


def actor_of(record: EvidenceRecord) -> str | None:
    """Return who caused what a record says; None if it does not say."""
    who = payload_of(record).get("who")
    return str(who) if who is not None else None


def changes_of(
    connection: Connection, tenure: TenureKey, evidence: Sequence[EvidenceRecord], after: str, upto: str
) -> list[Change]:
    """Return what the evidence says was changed, and the records with ids between two others that it does not name."""
    subjects = [record.subject for record in evidence]
    orders = [str(order) for record in evidence if (order := payload_of(record).get("order_id"))]
    records = {one.id: one for one in inspection.records_between(connection, tenure, after, upto, subjects + orders)}
    held = {item.id for item in directory.subscriptions_of(connection, tenure[1], tenure[2])}
    names = {code: service.name for code, service in load_catalogue(connection).services.items()}
    changes = []
    for record in evidence:
        found = records.pop(record.subject, None)
        what = "subscription" if record.subject in held else _what(found) if found else record.kind
        changes.append(_change(record, what, found.state if found else None, names))
    return changes + [_made(one, names) for one in records.values()]


def subscriber_made(connection: Connection, tenure: TenureKey, text: MessageRead, handled_at: datetime) -> list[Change]:
    """Return the subscriber as a change if the turn of a text, the number's first one, made it.

    While the clock stands still, one that a call made at the same instant and gave nothing looks the same.
    """
    _, msisdn, number = tenure
    found = directory.tenure_of(connection, msisdn, number)
    if found is None or found.created_at != handled_at or inspection.has_earlier(connection, text):
        return []
    who = actors.subscriber(text.id)
    if any(actor_of(record) != who for record in chain_of(connection, msisdn, number, limit=1)):
        return []
    return [Change("subscriber", msisdn, None, None, None, found.status.value)]


def _change(record: EvidenceRecord, what: str, state_now: str | None, names: Mapping[str, str]) -> Change:
    payload = payload_of(record)
    code = payload.get("service_code")
    after = payload.get("after", payload.get("state", state_now))
    return Change(
        what=what,
        id=record.subject,
        service_code=str(code) if code else None,
        service=names.get(str(code)),
        before=_state(payload.get("before")),
        after=_state(after),
    )


def _made(found: RecordFound, names: Mapping[str, str]) -> Change:
    code = found.service_code
    return Change(_what(found), found.id, code, names.get(code or ""), None, found.state)


def _what(found: RecordFound) -> str:
    return _CALLED.get(found.table, found.table)


def _state(given: object) -> str | None:
    """Return a state as evidence has it: by itself, among other facts, or as a switch."""
    if isinstance(given, Mapping):
        given = given.get("state")
    if isinstance(given, bool):
        return "on" if given else "off"
    return str(given) if given is not None else None
