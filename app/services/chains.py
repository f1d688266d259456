"""Walking chains of evidence from the outside, one after the other (flows.md 13)."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection

from app.db import evidence, retention
from app.db.retention import Tenure
from app.db.session import Database
from app.domain.evidence import Verification, verify
from app.domain.msisdn import bucket_of
from app.domain.values import value

_PIECE = 500


@value
class Walked:
    """One chain, and whether it is whole."""

    msisdn: str
    tenure: int
    found: Verification


def count_chains(database: Database) -> int:
    """How many tenures there are, for a progress bar."""
    return database.write_now(retention.count_tenures)


def walk_chains(database: Database, msisdn: str | None = None) -> Iterator[Walked]:
    """Walk all chains, or those of all tenures of one number; each in a transaction of its own."""
    for _, number, tenure in _tenures(database, msisdn):
        yield Walked(number, tenure, database.write_now(partial(_walk, msisdn=number, tenure=tenure)))


def _tenures(database: Database, msisdn: str | None) -> Iterator[Tenure]:
    after = (bucket_of(msisdn), msisdn, -1) if msisdn else None
    while group := database.write_now(partial(retention.tenures, after=after, limit=_PIECE)):
        for item in group:
            if msisdn is not None and item[1] != msisdn:
                return
            yield item
        after = group[-1]


def _walk(connection: Connection, *, msisdn: str, tenure: int) -> Verification:
    return verify(evidence.chain_of(connection, msisdn, tenure), evidence.head_of(connection, msisdn, tenure))
