"""Chains of evidence from the outside: walked, gone on with, signed (flows.md 13; safety.md 27 and 35)."""

import secrets
from collections.abc import Iterable, Iterator
from functools import partial

from sqlalchemy import Connection

from app.db import accounts, evidence, retention, state
from app.db.retention import Tenure
from app.db.session import Database
from app.db.state import current_state
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
    """One chain, and whether it is whole; ``end`` is the place where one that was cut is said to end."""

    msisdn: str
    tenure: int
    verification: Verification
    end: int = 0


def count_chains(database: Database) -> int:
    """How many tenures there are, for a progress bar."""
    return database.write_now(retention.count_tenures)


def walk_chains(database: Database, heads: HeadKeys, msisdn: str | None = None) -> Iterator[WalkedChain]:
    """Walk all chains, or those of all tenures of one number; each in a transaction of its own."""
    for _, number, tenure in tenures_of(database, msisdn):
        yield database.write_now(partial(_walk, heads=heads, msisdn=number, tenure=tenure))
    if msisdn is None:
        for number, tenure in database.write_now(partial(evidence.without_head, limit=_MAX_LOST)):
            yield WalkedChain(number, tenure, Verification(0, 1, ChainViolation.CUT))


def tenures_of(database: Database, msisdn: str | None = None) -> Iterator[Tenure]:
    """All tenures in the order of their keys, or those of one number."""
    after = (bucket_of(msisdn), msisdn, -1) if msisdn else None
    while group := database.write_now(partial(retention.tenures, after=after, limit=_PAGE_SIZE)):
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
    """Walk one chain up to its head, and see that the head is ours."""
    try:
        return _verify_to_head(connection, heads, msisdn, tenure)
    except UNREADABLE:
        return unreadable()


def _verify_to_head(connection: Connection, heads: HeadKeys, msisdn: str, tenure: int) -> Verification:
    head = evidence.head_of(connection, msisdn, tenure)
    verification = verify(evidence.chain_of(connection, msisdn, tenure), head)
    if verification.violation is ChainViolation.CUT and evidence.head_of(connection, msisdn, tenure) != head:
        # On PostgreSQL a turn has gone on with it between the two.
        return _verify_to_head(connection, heads, msisdn, tenure)
    violation = heads.violation(msisdn, tenure, head) if verification.ok else None
    return (
        verification if violation is None else Verification(verification.records, verification.records + 1, violation)
    )


def extend(connection: Connection, heads: HeadKeys, msisdn: str, tenure: int, draft: EvidenceDraft) -> None:
    """Append a record outside of a turn, with the number locked so that no turn appends one beside it."""
    accounts.lock_conversations(connection, [(bucket_of(msisdn), msisdn)], wait=True)
    before = evidence.head_of(connection, msisdn, tenure)
    after = _append(connection, msisdn, tenure, before, draft)
    evidence.set_head(connection, msisdn, tenure, heads.follow(msisdn, tenure, before, after))


def _append(connection: Connection, msisdn: str, tenure: int, head: ChainHead, draft: EvidenceDraft) -> ChainHead:
    salt, now = secrets.token_hex(_SALT_BYTES), current_state(connection).now
    record = append(head, draft, msisdn=msisdn, tenure=tenure, at=now, salt=salt)
    evidence.append_evidence(connection, [record])
    return ChainHead(record.seq, record.hash)


# ---- signing what nobody has signed, or a key that was replaced


class SealError(Exception):
    """Heads cannot be signed; the words say why."""


@value
class SealedHead:
    """What became of one chain: signed on record, signed anew, or left as it is because it is not whole."""

    msisdn: str
    tenure: int
    verification: Verification
    on_record: bool = False
    signed_again: bool = False


def seal(database: Database, heads: HeadKeys, lost: Iterable[str] = ()) -> Iterator[SealedHead]:
    """Sign the heads from before there were signatures, once, each with a record in its chain that says so.

    Those of replaced keys are signed anew, and on record those of ``lost`` ones: of these nobody can tell any more
    whether they were ours. SealError where a head without a signature was never left by us.
    """
    lost = frozenset(lost)
    known = database.write_now(state.head_keys)
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
    accounts.lock_conversations(connection, [(bucket_of(msisdn), msisdn)], wait=True)
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
    draft = EvidenceDraft(SEALED, SEALED, {"who": "smsgw evidence seal", "before": why, "records": head.seq})
    after = _append(connection, msisdn, tenure, head, draft)
    evidence.set_head(connection, msisdn, tenure, heads.sign(msisdn, tenure, after.seq, after.hash))
    return SealedHead(msisdn, tenure, Verification(after.seq), on_record=True)
