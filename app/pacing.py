"""Rate limiting of what is sent to a provider, adapted when the provider throttles (delivery.md 10, 11)."""

import time
from collections.abc import Callable

from aiolimiter import AsyncLimiter

# The rate is never reduced below this share of the configured one.
_LOWEST_SHARE = 1 / 64
_BURST_SECONDS = 0.1
# Calls a second that a provider without a configured rate is assumed to take before its first throttling.
_RATE_WITHOUT_LIMIT = 1000.0
_RECOVER_SECONDS = 1.0
_RECOVERY_FACTOR = 1.25


class Pace:
    """A token bucket. Throttling halves the rate; each second without throttling raises it by a quarter."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """``rate``: calls a second; None: no limit until the provider throttles. ``clock``: monotonic seconds."""
        self._rate = rate
        self._clock = clock
        self._share = self._part = 1.0
        self._changed_at = 0.0
        self._limiter = self._new_limiter()

    @property
    def rate(self) -> float | None:
        """The current rate in calls a second; None: no limit."""
        if self._rate is None:
            return None if self._share == 1 else _RATE_WITHOUT_LIMIT * self._share
        return self._rate * self._share * self._part

    async def wait(self) -> None:
        """Wait until the next call may be made."""
        if self._share < 1 and self._clock() - self._changed_at >= _RECOVER_SECONDS:
            self._set_share(min(1.0, self._share * _RECOVERY_FACTOR))
        if self._limiter is not None:
            await self._limiter.acquire()

    def use_part(self, part: float) -> None:
        """Keep to a part of the rate, from 0 (excluded) to 1, as other processes use the rest."""
        if part != self._part:
            self._part = part
            self._limiter = self._new_limiter()

    def slow_down(self) -> None:
        """Halve the rate, as the provider throttled; several calls within 0.1 seconds count once."""
        if self._share == 1 or self._clock() - self._changed_at >= _BURST_SECONDS:
            self._set_share(max(_LOWEST_SHARE, self._share / 2))

    def _set_share(self, share: float) -> None:
        self._share = share
        self._changed_at = self._clock()
        self._limiter = self._new_limiter()

    def _new_limiter(self) -> AsyncLimiter | None:
        rate = self.rate
        if rate is None:
            return None
        burst = max(1.0, rate * _BURST_SECONDS)
        return AsyncLimiter(burst, burst / rate)
