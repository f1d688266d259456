"""Operations on chains of evidence outside of turns: verify, append, sign heads (flows.md 13; safety.md 27 and 35)."""

import secrets
from collections.abc import Iterable, Iterator
from functools import partial

from sqlalchemy import Connection

from app.db import conversations, evidence, state, subscribers
from app.db.keys import TenureKey
from app.db.session import Database
from app.db.state import current_state
from app.domain import actors
from app.domain.evidence import (
    SEALED,
    UNREADABLE,
    ChainHead,
    ChainViolation,
    EvidenceDraft,
    Verification,
    append,
    unreadable,
    verify,
)
from app.domain.heads import HeadKeys
from app.domain.msisdn import bucket_of
from app.domain.values import value

_PAGE_SIZE = 500
_SALT_BYTES = 16
_MAX_LOST = 1000


@value
class WalkedChain:
    """The result of verifying one chain.

    ``end`` is the sequence number in the head of a chain that was cut, or in the anchor of one that is gone; else 0.
    """

    msisdn: str
    tenure: int
    verification: Verification
    end: int = 0


def count_chains(database: Database) -> int:
    """Return the number of tenures, for a progress bar."""
    return database.read_now(subscribers.count_tenures)


def walk_chains(database: Database, heads: HeadKeys, msisdn: str | None = None) -> Iterator[WalkedChain]:
    """Verify all chains, or those of all tenures of one number, each in its own transaction.

    Evidence whose tenure is gone is yielded as a chain that was cut.
    """
    for _, number, tenure in tenures_of(database, msisdn):
        yield database.read_now(partial(_walk, heads=heads, msisdn=number, tenure=tenure))
    if msisdn is None:
        for number, tenure in database.read_now(partial(evidence.without_head, limit=_MAX_LOST)):
            yield WalkedChain(number, tenure, Verification(0, 1, ChainViolation.CUT))


def tenures_of(database: Database, msisdn: str | None = None) -> Iterator[TenureKey]:
    """Yield all tenures, or those of one number, in the order of their keys."""
    after = (bucket_of(msisdn), msisdn, -1) if msisdn else None
    while group := database.read_now(partial(subscribers.tenures, after=after, limit=_PAGE_SIZE)):
        for item in group:
            if msisdn is not None and item[1] != msisdn:
                return
            yield item
        after = group[-1]


def _walk(connection: Connection, *, heads: HeadKeys, msisdn: str, tenure: int) -> WalkedChain:
    verification = verify_chain(connection, heads, msisdn, tenure)
    end = evidence.head_of(connection, msisdn, tenure).seq if verification.violation is ChainViolation.CUT else 0
    return WalkedChain(msisdn, tenure, verification, end)


def verify_chain(connection: Connection, heads: HeadKeys, msisdn: str, tenure: int) -> Verification:
    """Verify one chain up to its head, and that the gateway signed the head."""
    try:
        return _verify_to_head(connection, heads, msisdn, tenure)
    except UNREADABLE:
        return unreadable()


def _verify_to_head(connection: Connection, heads: HeadKeys, msisdn: str, tenure: int) -> Verification:
    head = evidence.head_of(connection, msisdn, tenure)
    verification = verify(evidence.chain_of(connection, msisdn, tenure), head)
    if verification.violation is ChainViolation.CUT and evidence.head_of(connection, msisdn, tenure) != head:
        # On PostgreSQL a turn can commit between the two reads.
        return _verify_to_head(connection, heads, msisdn, tenure)
    violation = heads.violation(msisdn, tenure, head) if verification.ok else None
    return (
        verification if violation is None else Verification(verification.records, verification.records + 1, violation)
    )


def extend(connection: Connection, heads: HeadKeys, msisdn: str, tenure: int, draft: EvidenceDraft) -> None:
    """Append a record outside of a turn. The number is locked, so that no turn appends at the same time."""
    conversations.lock_conversations(connection, [(bucket_of(msisdn), msisdn)], wait=True)
    before = evidence.head_of(connection, msisdn, tenure)
    after = _append(connection, msisdn, tenure, before, draft)
    evidence.set_head(connection, msisdn, tenure, heads.follow(msisdn, tenure, before, after))


def _append(connection: Connection, msisdn: str, tenure: int, head: ChainHead, draft: EvidenceDraft) -> ChainHead:
    salt, now = secrets.token_hex(_SALT_BYTES), current_state(connection).now
    record = append(head, draft, msisdn=msisdn, tenure=tenure, at=now, salt=salt)
    evidence.append_evidence(connection, [record])
    return ChainHead(record.seq, record.hash)


# ---- signing heads that have no signature, or one by a replaced key


class SealError(Exception):
    """Heads cannot be signed; the message says why."""


@value
class SealedHead:
    """The result of sealing one chain.

    Attributes:
        verification: of the chain as it is now; not ok if the chain was left as it is.
        on_record: the head was signed and a record in the chain says so.
        signed_again: the head had a valid signature by a replaced key and was signed by the newest.
    """

    msisdn: str
    tenure: int
    verification: Verification
    on_record: bool = False
    signed_again: bool = False


def seal(database: Database, heads: HeadKeys, lost: Iterable[str] = ()) -> Iterator[SealedHead]:
    """Sign heads that the newest key has not signed; yield the result for each chain.

    - A head with a valid signature by a replaced key is signed again.
    - A head by one of the ``lost`` keys (their ids) cannot be verified. It is signed, and a record in the chain says
      so.
    - So is a head without a signature, but only until this has run once over chains that are all whole.

    Chains with other violations are left as they are. Raise SealError if a key in ``lost`` has signed nothing in this
    database, or is not lost.
    """
    lost = frozenset(lost)
    known = database.read_now(state.head_keys)
    if unused_keys := lost - frozenset(known or ()):
        raise SealError(f"No evidence in this database is signed with the key {min(unused_keys)}.")
    if present := {key for key in lost if key in heads}:
        raise SealError(f"The key {min(present)} is not lost: it is among those of SMSGW_SEAL_KEY.")
    seal_one = partial(_seal, heads=heads, lost=lost, from_before=known is None)
    has_violations = False
    for _, msisdn, tenure in tenures_of(database):
        sealed = database.write_now(partial(seal_one, msisdn=msisdn, tenure=tenure))
        has_violations = has_violations or not sealed.verification.ok
        yield sealed
    if not has_violations:
        database.write_now(lambda connection: state.set_head_keys(connection, [heads.newest]))


def _seal(
    connection: Connection, *, heads: HeadKeys, lost: frozenset[str], from_before: bool, msisdn: str, tenure: int
) -> SealedHead:
    conversations.lock_conversations(connection, [(bucket_of(msisdn), msisdn)], wait=True)
    verification = verify_chain(connection, heads, msisdn, tenure)
    if verification.violation is ChainViolation.UNREADABLE:
        return SealedHead(msisdn, tenure, verification)
    head = evidence.head_of(connection, msisdn, tenure)
    if verification.ok:
        if head.key == heads.newest:
            return SealedHead(msisdn, tenure, verification)
        evidence.set_head(connection, msisdn, tenure, heads.sign(msisdn, tenure, head.seq, head.hash))
        return SealedHead(msisdn, tenure, verification, signed_again=True)
    unsigned = verification.violation is ChainViolation.NOT_SIGNED and head.mac is None and from_before
    if not unsigned and not (verification.violation is ChainViolation.KEY_UNKNOWN and head.key in lost):
        return SealedHead(msisdn, tenure, verification)
    why = "no signature" if unsigned else f"lost key {head.key}"
    draft = EvidenceDraft(SEALED, SEALED, {"who": actors.SEAL, "before": why, "records": head.seq})
    after = _append(connection, msisdn, tenure, head, draft)
    evidence.set_head(connection, msisdn, tenure, heads.sign(msisdn, tenure, after.seq, after.hash))
    return SealedHead(msisdn, tenure, Verification(after.seq), on_record=True)
