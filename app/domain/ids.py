"""The form of ids: Unix milliseconds, ten bits of a counter and ten bits of a worker number (ADR 4).

The database stores them as integers. In the program they are opaque strings of 19 digits, which sort as the integers do
until the year 2241.
"""

import re
from datetime import UTC, datetime, timedelta

# For what comes from outside. Every number of this form fits into the 63 bits that the database has.
PATTERN = "[1-8][0-9]{18}"
WORKERS = 1 << 10
WORKER_BITS, MILLISECOND_BITS = 10, 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_IS_ID = re.compile(PATTERN).fullmatch


def is_id(text: str) -> bool:
    """Return True if a text from outside has the form of an id."""
    return _IS_ID(text) is not None


def first_at(moment: datetime) -> int:
    """Return the first id of the millisecond of an aware instant."""
    return (moment - _EPOCH) // _MILLISECOND << MILLISECOND_BITS


def micros_of(id_: str) -> int:
    """Return the beginning of an id's millisecond, in microseconds since the Unix epoch."""
    return (int(id_) >> MILLISECOND_BITS) * 1_000


def end_of(number: int) -> datetime:
    """Return the end of an id's millisecond, UTC."""
    return _EPOCH + ((number >> MILLISECOND_BITS) + 1) * _MILLISECOND
