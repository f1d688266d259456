"""Anchors: signed snapshots of all heads of evidence, to keep out of reach of whoever can write to the database.

A database that is restored to an earlier state, signatures included, verifies by itself; comparing it with an anchor
shows the difference (safety.md 35). An anchor contains no phone number: it names each chain by an HMAC with the
gateway's key. Its lines are in the order in which chains are walked.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app.db import evidence
from app.db.session import Database
from app.domain.evidence import UNREADABLE, ChainHead, ChainViolation, Verification
from app.domain.heads import HeadKeys
from app.domain.values import value
from app.services.upkeep.chains import WalkedChain, tenures_of

_TITLE = "smsgw-anchor"
_NAME_LENGTH = 32


class AnchorError(Exception):
    """A file is not an anchor of this gateway; the message says why and continues the file's name."""


def write_anchor(database: Database, heads: HeadKeys, at: datetime) -> Iterator[str]:
    """Yield the lines of an anchor: time and key id, one line per chain, and the signed count and hash of those lines.

    ``at`` is aware.
    """
    key, count, digest = heads.newest, 0, hashlib.sha256()
    first = f"{_TITLE} {at.isoformat(timespec='seconds')} {key}"
    yield first
    for _, msisdn, tenure in tenures_of(database):
        head = database.read_now(partial(evidence.head_of, msisdn=msisdn, tenure=tenure))
        line = f"{_chain_name(heads, key, msisdn, tenure)} {head.seq} {head.hash}"
        digest.update(f"{line}\n".encode())
        count += 1
        yield line
    yield _signature_line(heads, key, first, count, digest.hexdigest())


def _chain_name(heads: HeadKeys, key: str, msisdn: str, tenure: int) -> str:
    return (heads.mac(key, f"chain\n{msisdn}\n{tenure}") or "")[:_NAME_LENGTH]


def _signature_line(heads: HeadKeys, key: str, first: str, count: int, digest: str) -> str:
    signature = heads.mac(key, f"anchor\n{first}\n{count}\n{digest}")
    return f"{count} {digest} {signature}"


@value
class _AnchoredHead:
    """A head at the time of the anchor; ``name`` identifies its chain, ``seq`` is 0 for an empty one."""

    name: str
    seq: int
    hash: str


@value
class Anchor:
    """An anchor whose signature is valid: its time (ISO 8601), the id of its key, and its heads."""

    at: str
    key: str
    chains: tuple[_AnchoredHead, ...]

    @classmethod
    def read(cls, lines: Iterable[str], heads: HeadKeys) -> "Anchor":
        """Return the anchor in these lines. Raise AnchorError if it was changed or cut, or is another gateway's."""
        match [line.strip() for line in lines if line.strip()]:
            case [first, *chain_lines, last] if first.startswith(f"{_TITLE} "):
                pass
            case _:
                raise AnchorError("is no anchor: keep the whole of what `smsgw evidence anchor` prints")
        key, at = first.split()[-1], first.split()[1]
        if key not in heads:
            raise AnchorError(f"was made with the key {key}, which is not among those of SMSGW_SEAL_KEY: add it there")
        digest = hashlib.sha256("".join(f"{line}\n" for line in chain_lines).encode()).hexdigest()
        if last != _signature_line(heads, key, first, len(chain_lines), digest):
            raise AnchorError("was changed or cut: its count, hash and signature do not fit its lines")
        split = (line.split() for line in chain_lines)
        return cls(at, key, tuple(_AnchoredHead(name, int(seq), hash_) for name, seq, hash_ in split))

    def compare(self, database: Database, heads: HeadKeys, walked: Iterable[WalkedChain]) -> Iterator[WalkedChain]:
        """Yield the walked chains, with a violation where a chain does not continue from its anchored head.

        An anchored chain that is gone is yielded with an empty number.
        """
        remaining = iter(self.chains)
        expected = next(remaining, None)
        for chain in walked:
            if expected is None or expected.name != _chain_name(heads, self.key, chain.msisdn, chain.tenure):
                yield chain  # it began after the anchor
                continue
            fits = database.read_now(partial(_contains, chain=chain, expected=expected))
            yield chain if fits else WalkedChain(chain.msisdn, chain.tenure, _mismatch(chain, expected), chain.end)
            expected = next(remaining, None)
        while expected is not None:
            yield WalkedChain("", 0, Verification(0, 1, ChainViolation.NOT_AS_ANCHORED), expected.seq)
            expected = next(remaining, None)


def _mismatch(chain: WalkedChain, expected: _AnchoredHead) -> Verification:
    first = chain.verification.first_bad
    return Verification(
        chain.verification.records, min(expected.seq, first) if first else expected.seq, ChainViolation.NOT_AS_ANCHORED
    )


def _contains(connection: Connection, *, chain: WalkedChain, expected: _AnchoredHead) -> bool:
    """Return True if the chain still contains the record that was its last one when it was anchored."""
    if expected.seq == 0:
        return expected.hash == ChainHead().hash
    records = evidence.chain_of(connection, chain.msisdn, chain.tenure, after=expected.seq - 1, limit=1)
    try:
        return any(record.seq == expected.seq and record.hash == expected.hash for record in records)
    except UNREADABLE:
        return False
