"""The pause before the next bind of a slot (carriers.md 4.8)."""

from collections.abc import Callable
from datetime import timedelta

from app.providers.session.dialect import EndKind

_FIRST, _LONGEST = 1.0, 30.0
_FIRST_REFUSED, _LONGEST_REFUSED = 60.0, 900.0
_ALREADY_BOUND = 5.0
_GOOD_AFTER = 60.0
# More doublings exceed any limit.
_MOST_DOUBLINGS = 16


class Backoff:
    """Counts the failures of a slot."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """``jitter`` returns a random number in [0, 1)."""
        self._jitter = jitter
        self._failures = 0
        self._refusals = 0

    def pause(self, kind: EndKind, lasted: float) -> timedelta:
        """Return the pause after a session that ended so and lasted so many seconds, 0 if it was not bound."""
        if lasted > _GOOD_AFTER:
            self._failures = 0
        if lasted:
            self._refusals = 0
        match kind:
            case EndKind.IDENTITY:
                seconds = _doubled(_FIRST_REFUSED, self._refusals, _LONGEST_REFUSED)
                self._refusals += 1
            case EndKind.ALREADY_BOUND:
                # An old session of ours has not died at the carrier yet.
                seconds = _ALREADY_BOUND + self._growing()
            case EndKind.PEER if lasted:
                seconds = _FIRST
            case EndKind.NO_SUCH_BIND:
                seconds = 0.0
            case _:
                seconds = self._growing()
        return timedelta(seconds=seconds)

    def _growing(self) -> float:
        ceiling = _doubled(_FIRST, self._failures, _LONGEST)
        self._failures += 1
        return ceiling * self._jitter()


def _doubled(first: float, times: int, longest: float) -> float:
    return min(longest, first * float(1 << min(times, _MOST_DOUBLINGS)))
