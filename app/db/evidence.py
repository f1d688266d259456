"""Evidence: append records, read them, and walk chains; nothing here updates or deletes a record."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    exists,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import OperationalError

from app.db.columns import customer, metadata, optional, partial_index, required
from app.db.conversations import conversation
from app.db.keys import TENURE
from app.db.pages import Part
from app.db.readers import RowReader
from app.db.rows import AnySelect, as_keys, given_keys, matching
from app.db.subscribers import CHAIN_HEAD, subscriber
from app.db.types import Instant
from app.db.writing import insert_rows
from app.domain.evidence import NEVER_PURGED, ChainHead, EvidenceRecord
from app.domain.msisdn import bucket_of

evidence = Table(
    "evidence",
    metadata,
    *customer(),
    Column("seq", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    *required(Text, "kind", "subject"),
    *optional(Text, "payload", "salt"),
    *required(Text, "payload_hash", "previous_hash", "hash"),
    # From when the retention of the payload counts: ``at``, later once a purge found it needed; NULL: none is purged.
    Column("kept_since", Instant),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure", "seq"),
    Index("ix_evidence_subject", "bucket", "msisdn", "tenure", "subject"),
    partial_index("ix_evidence_kept_since", "kept_since", where="kept_since IS NOT NULL"),
)

_evidence = evidence
_RECORD = RowReader(EvidenceRecord, evidence)
_ABOUT = (*TENURE, "subject")


def append_evidence(connection: Connection, records: Sequence[EvidenceRecord]) -> None:
    """Insert records at the ends of chains."""
    rows = [
        {
            "bucket": bucket_of(record.msisdn),
            **{name: getattr(record, name) for name in EvidenceRecord.__dataclass_fields__},
            "kept_since": record.at if record.payload and record.kind not in NEVER_PURGED else None,
        }
        for record in records
    ]
    insert_rows(connection, _evidence, rows)


@cache
def _about(dialect: str) -> AnySelect:
    given = given_keys(dialect, _evidence, _ABOUT)
    return (
        select(*_RECORD.columns)
        .join_from(_evidence, given, matching(_evidence, given, _ABOUT))
        .order_by(_evidence.c.seq)
    )


def evidence_about(connection: Connection, wanted: Sequence[tuple[int, str, int, str]]) -> list[EvidenceRecord]:
    """Return the records about the given (bucket, msisdn, tenure, subject), each chain in order."""
    return list(map(_RECORD.read, connection.execute(_about(connection.dialect.name), as_keys(wanted))))


@contextmanager
def _decoding() -> Iterator[None]:
    """Raise ValueError for text that cannot be decoded; SQLite reports it like a database that is unavailable."""
    try:
        yield
    except OperationalError as error:
        if "decode" in str(error.orig):
            raise ValueError("no text") from error
        raise


def chain_of(
    connection: Connection, msisdn: str, tenure: int, *, after: int = 0, limit: int | None = None
) -> Iterator[EvidenceRecord]:
    """Yield a tenure's records in order, from sequence number ``after`` + 1. Raise ValueError for unreadable text."""
    columns = _evidence.c
    statement = (
        select(*_RECORD.columns)
        .where(
            columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure, columns.seq > after
        )
        .order_by(columns.seq)
        .limit(limit)
    )
    with _decoding():
        yield from map(_RECORD.read, connection.execute(statement))


def page_of_chain(connection: Connection, msisdn: str, tenure: int, part: Part) -> list[EvidenceRecord]:
    """Return a part of a tenure's records, by ``seq``, their cursor. Raise ValueError for unreadable text."""
    columns = _evidence.c
    mine = (columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure)
    behind = [] if part.after is None else [part.behind(columns.seq, int(part.after))]
    statement = select(*_RECORD.columns).where(*mine, *behind, *part.within(columns.at))
    with _decoding():
        return list(map(_RECORD.read, connection.execute(part.sorted(statement, columns.seq))))


def head_of(connection: Connection, msisdn: str, tenure: int) -> ChainHead:
    """Return the head of a tenure's chain, an empty one for an unknown tenure. Raise ValueError for unreadable text."""
    columns = subscriber.c
    mine = (columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure)
    with _decoding():
        row = connection.execute(select(*CHAIN_HEAD.columns).where(*mine)).one_or_none()
    return CHAIN_HEAD.read(row) if row else ChainHead()


def set_head(connection: Connection, msisdn: str, tenure: int, head: ChainHead) -> None:
    """Store the head of a tenure's chain, and invalidate what is cached of the account.

    Code that appends outside of a turn must hold the lock of the number's conversation.
    """
    columns = subscriber.c
    mine = (columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure)
    now = {
        "evidence_seq": head.seq,
        "evidence_hash": head.hash,
        "evidence_key": head.key,
        "evidence_mac": head.mac,
    }
    connection.execute(update(subscriber).where(*mine).values(**now))
    number = conversation.c
    own = (number.bucket == bucket_of(msisdn), number.msisdn == msisdn)
    # No batch had this version, and the ids of the next one still follow the last one's.
    connection.execute(update(conversation).where(*own).values(version=number.version + literal_column("1")))


def without_head(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """Return number and tenure of chains whose subscriber row, and so their head, is missing."""
    links, rows = _evidence.c, subscriber.c
    same = (rows.bucket == links.bucket, rows.msisdn == links.msisdn, rows.tenure == links.tenure)
    statement = select(links.msisdn, links.tenure).where(~exists().where(*same)).distinct().limit(limit)
    return [(msisdn, tenure) for msisdn, tenure in connection.execute(statement)]
