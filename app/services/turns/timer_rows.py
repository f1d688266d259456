"""The timers that a batch of turns sets and drops, as rows."""

from sqlalchemy import Connection

from app.db import timers
from app.db.keys import TenureKey
from app.db.timers import StoredTimer

Row = dict[str, object]
_TimerKey = tuple[str, int, str, str]


def _key(timer: StoredTimer) -> _TimerKey:
    return timer.msisdn, timer.tenure, timer.kind, timer.subject


class TimerRows:
    """The last change of each timer within a batch."""

    def __init__(self) -> None:
        self._set: dict[_TimerKey, StoredTimer] = {}
        self._dropped: dict[_TimerKey, Row] = {}

    def set(self, timer: StoredTimer) -> None:
        """Set a timer, in place of an earlier one of the same tenure, kind and subject."""
        self._set[_key(timer)] = timer

    def is_set(self, timer: StoredTimer) -> bool:
        """Return True if the batch sets a timer of this tenure, kind and subject."""
        return _key(timer) in self._set

    def drop(self, tenure: TenureKey, kind: str, subject: str) -> Row:
        """Drop a timer, whether it is stored or set by this batch. Return its key columns."""
        bucket, msisdn, number = tenure
        key = (msisdn, number, kind, subject)
        self._set.pop(key, None)
        row = {"bucket": bucket, "msisdn": msisdn, "tenure": number, "kind": kind, "subject": subject}
        self._dropped[key] = row
        return row

    def write(self, connection: Connection) -> None:
        """Write all changes. A timer that was dropped and then set again ends up set."""
        timers.drop_timers(connection, list(self._dropped.values()))
        timers.set_timers(connection, list(self._set.values()))
