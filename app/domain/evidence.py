"""Evidence: what was asked, what was answered, what changed; chained so that nobody can change it unseen.

Each record holds the hash of the one before, and a salted hash of its payload. The payload (texts, numbers) lies
beside and may be taken away with its salt; the chain verifies all the same, as long as a later record says that it was
(flows.md 13, safety.md 27 and 35).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from app.domain.values import replace, value

GENESIS = "0" * 64
# Kinds of records that say what was taken away: the payloads of some records, or those of all before.
PURGED, ERASED = "purged", "erased"
# A head was signed that had no signature that could be checked.
SEALED = "sealed"
# What reading a row raises that somebody else wrote: of another type, out of range, no text, no payload.
UNREADABLE = (TypeError, ValueError, ArithmeticError, AttributeError)
Fact: TypeAlias = str | int | bool | tuple[str, ...] | Mapping[str, str | int | bool | None] | None


@value
class EvidenceDraft:
    """What a turn wants recorded; ``subject`` is the id of the thing that changed."""

    kind: str
    subject: str
    payload: Mapping[str, Fact]


@value
class EvidenceRecord:
    """A link of the chain of one tenure; ``seq`` counts from 1. Payload and salt are None once erased."""

    msisdn: str
    tenure: int
    seq: int
    at: datetime
    kind: str
    subject: str
    payload: str | None
    salt: str | None
    payload_hash: str
    previous_hash: str
    hash: str


@value
class ChainHead:
    """Where a chain ends: kept beside it, so that a chain cut short is seen too.

    ``mac`` shows that the gateway itself wrote it, ``key`` is the id of the key that it was made with; None for a head
    that nobody has signed (safety.md 35).
    """

    seq: int = 0
    hash: str = GENESIS
    key: str | None = None
    mac: str | None = None


class ChainViolation(StrEnum):
    """What is wrong with a chain."""

    CHANGED = "changed"
    UNREADABLE = "unreadable"
    PAYLOAD_GONE = "payload_gone"
    CUT = "cut"
    NOT_SIGNED = "not_signed"
    KEY_UNKNOWN = "key_unknown"
    NOT_AS_ANCHORED = "not_as_anchored"


@value
class Verification:
    """The result of walking a chain: the first record that does not fit, if any, and what is wrong with it.

    Where it is the head that does not fit, the first bad record is the one behind the last. ``records`` are those that
    were walked.
    """

    records: int
    first_bad: int | None = None
    violation: ChainViolation | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was changed, taken out or put in."""
        return self.first_bad is None


def canonical(payload: Mapping[str, Fact]) -> str:
    """The one way to write a payload down."""
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _hash_payload(salt: str, payload: str) -> str:
    return hashlib.sha256(f"{salt}\n{payload}".encode()).hexdigest()


def _hash_record(record: EvidenceRecord) -> str:
    micros = int(record.at.timestamp()) * 1_000_000 + record.at.microsecond
    parts = (
        record.previous_hash,
        record.msisdn,
        record.tenure,
        record.seq,
        micros,
        record.kind,
        record.subject,
        record.payload_hash,
    )
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def append(
    head: ChainHead, draft: EvidenceDraft, *, msisdn: str, tenure: int, at: datetime, salt: str
) -> EvidenceRecord:
    """The record that follows ``head``; ``salt`` is random, 16 bytes or more in hex."""
    payload = canonical(draft.payload)
    record = EvidenceRecord(
        msisdn=msisdn,
        tenure=tenure,
        seq=head.seq + 1,
        at=at,
        kind=draft.kind,
        subject=draft.subject,
        payload=payload,
        salt=salt,
        payload_hash=_hash_payload(salt, payload),
        previous_hash=head.hash,
        hash="",
    )
    return replace(record, hash=_hash_record(record))


def purge_draft(who: str, seqs: Iterable[int]) -> EvidenceDraft:
    """Says that the payloads of some records were taken away; about the chain itself."""
    return EvidenceDraft(PURGED, PURGED, {"who": who, "records": tuple(map(str, sorted(seqs)))})


def _said_to_be_gone(record: EvidenceRecord) -> Iterable[int]:
    """The records whose payloads this one says were taken away."""
    if record.kind == ERASED:
        return range(1, record.seq)
    return map(int, json.loads(record.payload or "{}").get("records", ()))


def verify(records: Iterable[EvidenceRecord], head: ChainHead) -> Verification:
    """Walk a chain from its first record to its head; whose head it is, is another matter (``HeadKeys``)."""
    previous, count = GENESIS, 0
    gone: set[int] = set()
    try:
        for record in records:
            if not _follows(record, count, previous):
                return Verification(count + 1, record.seq, ChainViolation.CHANGED)
            if record.payload is None:
                gone.add(record.seq)
            elif record.kind in (PURGED, ERASED):
                gone.difference_update(_said_to_be_gone(record))
            previous, count = record.hash, count + 1
    except UNREADABLE:
        return unreadable(count)
    if gone:
        return Verification(count, min(gone), ChainViolation.PAYLOAD_GONE)
    if (count, previous) != (head.seq, head.hash):
        return Verification(count, count + 1, ChainViolation.CUT)
    return Verification(count)


def unreadable(records: int = 0) -> Verification:
    """What is behind that many records, another one or the head, cannot be read."""
    return Verification(records, records + 1, ChainViolation.UNREADABLE)


def _follows(record: EvidenceRecord, count: int, previous: str) -> bool:
    whole = record.payload is None or record.payload_hash == _hash_payload(record.salt or "", record.payload)
    place = (record.seq, record.previous_hash) == (count + 1, previous)
    return whole and place and record.hash == _hash_record(record)
