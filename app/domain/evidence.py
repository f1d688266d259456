"""Evidence: records of what was asked, answered and changed, in a hash chain that shows every manipulation.

Each record holds the hash of the previous one and a salted hash of its payload (texts, numbers). Payload and salt are
stored beside the hash and can be deleted. The chain still verifies if a later record says that they were deleted
(flows.md 13, safety.md 27 and 35).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from app.domain.values import replace, value

# The previous hash of the first record.
GENESIS = "0" * 64
# Kinds of records that say which payloads were deleted: those of some records, or of all records before this one.
PURGED, ERASED = "purged", "erased"
# The kind of record that says that a head without a valid signature was signed again.
SEALED = "sealed"
# These say which records were removed or signed, and contain no customer data.
NEVER_PURGED = frozenset({PURGED, ERASED, SEALED})
# Every kind of record, for readers of the API.
EVIDENCE_KINDS = (
    "consent-given",
    "consent-withdrawn",
    "erased",
    "fee-announced",
    "fee-cancelled",
    "fee-charged",
    "fee-disputed",
    "fee-refused",
    "fee-reminded",
    "fee-upheld",
    "fee-waived",
    "import",
    "keep-confirmed",
    "order-asked",
    "order-asked-again",
    "order-confirmed",
    "order-declined",
    "order-expired",
    "order-refused",
    "order-undeliverable",
    "password-changed",
    "password-set",
    "preference",
    "purged",
    "refund",
    "refund-closed",
    "sealed",
    "subscription-ended",
    "suspension-announced",
    "suspension-called-off",
    "tenure-closed",
    "terms-changed",
    "terms-confirmed",
    "terms-ended",
    "ticket-answered",
    "ticket-breached",
    "ticket-opened",
    "ticket-resolved",
    "trial-confirmed",
    "trial-over",
    "unsubscribe",
)
# What reading a manipulated row may raise: wrong type, out of range, no valid text, no valid payload.
UNREADABLE = (TypeError, ValueError, ArithmeticError, AttributeError)
Fact: TypeAlias = str | int | bool | tuple[str, ...] | Mapping[str, str | int | bool | None] | None


@value
class EvidenceDraft:
    """Evidence that a turn wants recorded; ``subject`` is the id of what changed."""

    kind: str
    subject: str
    payload: Mapping[str, Fact]


@value
class EvidenceRecord:
    """One record in the chain of a tenure.

    Attributes:
        seq: the position in the chain, from 1.
        at: when it happened (UTC).
        payload: canonical JSON; None once deleted.
        salt: random, in hex; None once deleted.
        payload_hash, previous_hash, hash: SHA-256 in hex.
    """

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
    """The end of a chain, stored beside it so that a truncated chain is noticed.

    ``seq`` is the number of records, ``hash`` that of the last one. ``mac`` proves that the gateway wrote the head;
    ``key`` is the id of the key. Both are None for a head that is not signed (safety.md 35).
    """

    seq: int = 0
    hash: str = GENESIS
    key: str | None = None
    mac: str | None = None


class ChainViolation(StrEnum):
    """A defect of a chain or its head."""

    CHANGED = "changed"
    UNREADABLE = "unreadable"
    PAYLOAD_GONE = "payload_gone"
    CUT = "cut"
    NOT_SIGNED = "not_signed"
    KEY_UNKNOWN = "key_unknown"
    NOT_AS_ANCHORED = "not_as_anchored"


@value
class Verification:
    """The result of verifying a chain.

    Attributes:
        records: how many records were read.
        first_bad: the ``seq`` of the first record that does not fit; if the head does not fit, one more than the last
            record's. None if everything fits.
        violation: what is wrong with it.
    """

    records: int
    first_bad: int | None = None
    violation: ChainViolation | None = None

    @property
    def ok(self) -> bool:
        """True if nothing was changed, removed or inserted."""
        return self.first_bad is None


# Made once: ``json.dumps`` makes an encoder for each call, which takes as long as the encoding.
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(payload: Mapping[str, Fact]) -> str:
    """Return the payload as canonical JSON: equal payloads give equal text."""
    return _CANONICAL.encode(payload)


def _hash_payload(salt: str, payload: str) -> str:
    return hashlib.sha256(f"{salt}\n{payload}".encode()).hexdigest()


def _hash_record(record: EvidenceRecord) -> str:
    microseconds = int(record.at.timestamp()) * 1_000_000 + record.at.microsecond
    parts = (
        record.previous_hash,
        record.msisdn,
        record.tenure,
        record.seq,
        microseconds,
        record.kind,
        record.subject,
        record.payload_hash,
    )
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def append(
    head: ChainHead, draft: EvidenceDraft, *, msisdn: str, tenure: int, at: datetime, salt: str
) -> EvidenceRecord:
    """Return the record that follows ``head``, dated ``at`` (UTC); ``salt`` is 16 or more random bytes in hex."""
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
    """Return the evidence that ``who`` deleted the payloads of the records ``seqs``."""
    return EvidenceDraft(PURGED, PURGED, {"who": who, "records": tuple(map(str, sorted(seqs)))})


def _declared_deleted(record: EvidenceRecord) -> Iterable[int]:
    """Return the ``seq`` of the records whose payloads were deleted according to this record."""
    if record.kind == ERASED:
        return range(1, record.seq)
    return map(int, json.loads(record.payload or "{}").get("records", ()))


def verify(records: Iterable[EvidenceRecord], head: ChainHead) -> Verification:
    """Verify a chain from its first record to its head. The signature of the head is checked by ``HeadKeys``."""
    previous, count = GENESIS, 0
    unexplained: set[int] = set()  # payloads that are gone, and no later record says why
    try:
        for record in records:
            if not _follows(record, count, previous):
                return Verification(count + 1, record.seq, ChainViolation.CHANGED)
            if record.payload is None:
                unexplained.add(record.seq)
            elif record.kind in (PURGED, ERASED):
                unexplained.difference_update(_declared_deleted(record))
            previous, count = record.hash, count + 1
    except UNREADABLE:
        return unreadable(count)
    if unexplained:
        return Verification(count, min(unexplained), ChainViolation.PAYLOAD_GONE)
    if (count, previous) != (head.seq, head.hash):
        return Verification(count, count + 1, ChainViolation.CUT)
    return Verification(count)


def unreadable(records: int = 0) -> Verification:
    """Return the result for a chain whose next row, after this many records, cannot be read."""
    return Verification(records, records + 1, ChainViolation.UNREADABLE)


def _follows(record: EvidenceRecord, count: int, previous: str) -> bool:
    payload_fits = record.payload is None or record.payload_hash == _hash_payload(record.salt or "", record.payload)
    place_fits = (record.seq, record.previous_hash) == (count + 1, previous)
    return payload_fits and place_fits and record.hash == _hash_record(record)
