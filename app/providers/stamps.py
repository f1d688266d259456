"""Parsing of carriers' times: RFC 3339, YYYYMMDDHHMMSS, or a number of the epoch; with a zone or without.

A number of the epoch counts seconds, milliseconds, microseconds or nanoseconds, by its size. A message with an
impossible time is accepted: it counts from when it is stored.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from app.domain.calendar import is_believable
from app.domain.stamps import Stamp, StampForm

_DIGITS = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[ T]?(\d\d):?(\d\d):?(\d\d)(?:[.,](\d+))?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
)
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,9})?")
# Below these limits a number counts seconds, milliseconds, microseconds, nanoseconds; 14 digits are YYYYMMDDHHMMSS.
_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
_CALENDAR = 14
_NONE = Stamp(None, StampForm.NONE)
_IMPOSSIBLE = Stamp(None, StampForm.IMPOSSIBLE)
_NO_TIME = Stamp(None, StampForm.NO_TIME)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_LEAP = 60


def read_stamp(given: object, zone: tzinfo) -> Stamp:
    """Return a carrier's time, and in which form it was; ``zone`` is the zone of times that name none."""
    match given:
        case None:
            return _NONE
        case bool():
            return _NO_TIME
        case int() | float():
            found = _of_number(format(given, "f") if isinstance(given, float) else str(given), zone)
        case str():
            text = given.strip().upper().replace("/", "-")
            if not text:
                return _NONE
            found = _of_number(text, zone) if _NUMBER.fullmatch(text) else _of_text(text, zone)
        case _:
            return _NO_TIME
    return found if found.at is None or is_believable(found.at) else _IMPOSSIBLE


def _of_number(digits: str, zone: tzinfo) -> Stamp:
    if len(digits.partition(".")[0]) == _CALENDAR:
        return _of_text(digits, zone)
    number = float(digits)
    unit = next((unit for below, unit in _UNITS if 0 <= number < below), None)
    if unit is None:
        return _IMPOSSIBLE
    try:
        return Stamp(datetime.fromtimestamp(number / unit, UTC), StampForm.ZONED)
    except (ValueError, OverflowError, OSError):
        return _IMPOSSIBLE


def _of_text(text: str, zone: tzinfo) -> Stamp:
    found = _DIGITS.fullmatch(text)
    if found is None:
        return _IMPOSSIBLE if _DAY.match(text) else _NO_TIME
    *parts, fraction, offset = found.groups()
    year, month, day, hour, minute, second = map(int, parts)
    leap, second = second == _LEAP, min(second, _LEAP - 1) if second == _LEAP else second
    try:
        moment = datetime(year, month, day, hour, minute, second, int((fraction or "0")[:6].ljust(6, "0")))  # noqa: DTZ001  the zone is set below
        moment = moment.replace(tzinfo=zone if offset is None else _zone_of(offset)) + timedelta(seconds=leap)
        return Stamp(moment, StampForm.LOCAL if offset is None else StampForm.ZONED)
    except (ValueError, OverflowError):
        return _IMPOSSIBLE


@lru_cache(maxsize=256)
def _zone_of(offset: str) -> tzinfo:
    if offset in ("Z", "UTC", "GMT"):
        return UTC
    zone = datetime.strptime(offset.replace(":", "").ljust(5, "0"), "%z").tzinfo
    return zone or UTC
