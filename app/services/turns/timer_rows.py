"""The timers that a batch of turns sets and drops, as rows."""

from collections import defaultdict

from sqlalchemy import Connection

from app.db import timers
from app.db.keys import TenureKey
from app.db.timers import StoredTimer, TimerKey

# Kind and subject.
_Name = tuple[str, str]


class TimerRows:
    """The last change of each timer within a batch, by tenure, kind and subject."""

    def __init__(self) -> None:
        self._set: dict[TenureKey, dict[_Name, StoredTimer]] = defaultdict(dict)
        self._dropped: dict[TimerKey, None] = {}

    def set(self, timer: StoredTimer) -> None:
        """Set a timer, in place of an earlier one of the same tenure, kind and subject."""
        self._set[timer.bucket, timer.msisdn, timer.tenure][timer.kind, timer.subject] = timer

    def is_set(self, timer: StoredTimer) -> bool:
        """Return True if the batch sets a timer of this tenure, kind and subject."""
        return (timer.kind, timer.subject) in self._set[timer.bucket, timer.msisdn, timer.tenure]

    def drop(self, tenure: TenureKey, kind: str, subject: str) -> TimerKey:
        """Drop a timer, whether it is stored or set by this batch. Return its key."""
        self._set[tenure].pop((kind, subject), None)
        key = (*tenure, kind, subject)
        self._dropped[key] = None
        return key

    def end_tenure(self, tenure: TenureKey) -> None:
        """Drop the timers of a tenure that this batch has set so far; ``drop_all_of`` deletes the stored ones."""
        self._set.pop(tenure, None)

    def write(self, connection: Connection) -> None:
        """Write all changes. A timer that was dropped and then set again ends up set."""
        timers.drop_timers(connection, list(self._dropped))
        timers.set_timers(connection, [timer for of_tenure in self._set.values() for timer in of_tenure.values()])
