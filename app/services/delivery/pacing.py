"""How fast a provider is sent to: messages a second, slower after it said that it was too fast (delivery.md 10, 11)."""

import time
from collections.abc import Callable

from aiolimiter import AsyncLimiter

_SLOWEST = 1 / 64
_BURST_SECONDS = 0.1
_UNLIMITED_SLOWED = 1000.0
_RECOVER_SECONDS = 1.0
_RECOVERY = 1.25


class Pace:
    """A bucket of tokens by the monotonic clock. Throttling halves the rate; every second without adds a quarter."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """``rate``: messages a second; None: no limit until the provider objects."""
        self._rate = rate
        self._clock = clock
        self._share = 1.0
        self._changed = 0.0
        self._limiter = self._limited()

    @property
    def rate(self) -> float | None:
        """Messages a second at this moment; None: no limit."""
        if self._rate is None:
            return None if self._share == 1 else _UNLIMITED_SLOWED * self._share
        return self._rate * self._share

    async def wait(self) -> None:
        """Until the next message may go."""
        if self._share < 1 and self._clock() - self._changed >= _RECOVER_SECONDS:
            self._set(min(1.0, self._share * _RECOVERY))
        if self._limiter is not None:
            await self._limiter.acquire()

    def slow_down(self) -> None:
        """The provider said that we are too fast; several of one moment count once."""
        if self._share == 1 or self._clock() - self._changed >= _BURST_SECONDS:
            self._set(max(_SLOWEST, self._share / 2))

    def _set(self, share: float) -> None:
        self._share = share
        self._changed = self._clock()
        self._limiter = self._limited()

    def _limited(self) -> AsyncLimiter | None:
        rate = self.rate
        if rate is None:
            return None
        burst = max(1.0, rate * _BURST_SECONDS)
        return AsyncLimiter(burst, burst / rate)
