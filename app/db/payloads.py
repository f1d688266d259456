"""Payloads of evidence after their retention: which tenures have some to look at, and their deletion (safety.md 27)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from app.db.evidence import evidence
from app.db.keys import TENURE, TenureKey
from app.domain.msisdn import bucket_of

_columns = evidence.c


def tenures_with_old(connection: Connection, before: datetime, limit: int) -> list[TenureKey]:
    """Return the tenures of the ``limit`` payloads that were kept longest, those before ``before`` (UTC) only."""
    key = [_columns[name] for name in TENURE]
    oldest = select(*key).where(_columns.kept_since < before).order_by(_columns.kept_since).limit(limit)
    return list(dict.fromkeys((row[0], row[1], row[2]) for row in connection.execute(oldest)))


def drop_payloads(connection: Connection, msisdn: str, tenure: int, seqs: Sequence[int]) -> None:
    """Delete payloads and salts of evidence. The hashes stay, so the chain still verifies (safety.md 27)."""
    mine = (*_of(msisdn, tenure), _columns.seq.in_(seqs))
    connection.execute(update(evidence).where(*mine).values(payload=None, salt=None, kept_since=None))


def keep_payloads(connection: Connection, msisdn: str, tenure: int, before: datetime, since: datetime) -> None:
    """Count the retention of a tenure's old payloads, those before ``before``, from ``since`` on (UTC)."""
    mine = (*_of(msisdn, tenure), _columns.kept_since < before)
    connection.execute(update(evidence).where(*mine).values(kept_since=since))


def _of(msisdn: str, tenure: int) -> tuple[ColumnElement[bool], ...]:
    return _columns.bucket == bucket_of(msisdn), _columns.msisdn == msisdn, _columns.tenure == tenure
