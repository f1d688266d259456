"""The gateway's clock: it stands, and moves when a test says so."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgw_testkit import times
from smsgw_testkit.errors import ClockError, Refused
from smsgw_testkit.messages import Messages
from smsgw_testkit.times import Time
from smsgw_testkit.wire.calls import Api

if TYPE_CHECKING:
    from smsgw_testkit.handset import Handset

_CONFLICT = 409
_CLOCK = "/simulator/clock"


class Arrivals(dict[str, Messages]):
    """Messages that came while the clock moved, by the number of the handset."""

    def of(self, handset: "Handset") -> Messages:
        """Return what came to a handset; empty if nothing did."""
        return self.get(handset.number, Messages())


class Clock:
    """The clock of a gateway. Times without an offset are in Asia/Shanghai."""

    def __init__(self, api: Api, arrivals: Callable[[Callable[[], object]], Arrivals]) -> None:
        """``arrivals`` runs what moves the clock, and returns what came on the way."""
        self._api = api
        self._arrivals = arrivals
        self.steps_through_events = False

    @property
    def now(self) -> datetime:
        """The time, in Asia/Shanghai."""
        return times.moment(self._api.get(_CLOCK)["now"])

    @property
    def stands(self) -> bool:
        """True if the clock stands until it is moved."""
        return bool(self._api.get(_CLOCK)["frozen"])

    def set(self, time: Time) -> Arrivals:
        """Stop the clock at a time, without what falls due before. Raise ClockError if that is back in time."""
        return self._move(lambda: self._api.put(_CLOCK, {"now": times.sent(time)}))

    def advance(self, by: timedelta | None = None, **units: float) -> Arrivals:
        """Move the clock by a length, ``hours=2`` or a ``timedelta``, and do everything that falls due on the way."""
        length = (by or timedelta()) + timedelta(**units)
        if length < timedelta():
            raise ClockError.back(f"the clock cannot be moved by {length}.")
        return self._advance({"seconds": length.total_seconds()})

    def to(self, time: Time) -> Arrivals:
        """Move the clock to a time, and do everything that falls due on the way. Raise ClockError if it is over."""
        wanted = times.moment(time)
        if wanted < (now := self.now):
            raise ClockError.back(f"it is {now.isoformat(' ', 'seconds')} already, after {wanted.isoformat(' ')}.")
        return self._advance({"to": wanted.isoformat()})

    def stop(self) -> Arrivals:
        """Stop the clock where it is, and do what is due."""
        return self._advance({"seconds": 0})

    def run(self) -> Arrivals:
        """Let the clock run. Raise ClockError if it cannot go on from where it stands."""
        return self._move(lambda: self._api.post(f"{_CLOCK}/run"))

    def _advance(self, how: Mapping[str, object]) -> Arrivals:
        events = {"events": True} if self.steps_through_events else {}
        return self._move(lambda: self._api.post(f"{_CLOCK}/advance", {**how, **events}))

    def _move(self, call: Callable[[], Any]) -> Arrivals:
        try:
            return self._arrivals(call)
        except Refused as refused:
            if refused.status == _CONFLICT:
                raise ClockError(refused.detail) from None
            raise
