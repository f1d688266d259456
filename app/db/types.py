"""Column types with the same representation in SQLite, PostgreSQL and the JSON parameter of many rows."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return the exact number of microseconds since the Unix epoch."""
    return (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant for microseconds since the Unix epoch."""
    return _EPOCH + timedelta(microseconds=micros)


def instant_or_none(micros: int | None) -> datetime | None:
    """Return the UTC instant for microseconds since the epoch; None for None."""
    return None if micros is None else from_micros(micros)


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as integer microseconds since the Unix epoch."""

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


class Id(TypeDecorator[str]):
    """An id of the gateway: decimal digits in the program, an integer in the database.

    What bypasses SQLAlchemy writes the digits: SQLite turns them into an integer where they are stored in such a column
    or compared with it, PostgreSQL where JSON is read as rows.
    """

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)
