"""Identifiers: UUIDv7 (RFC 9562, section 5.7), monotonic even if the machine's clock is set back.

The order of a subscriber's messages is that of their ids. So new ids follow the newest stored one, if that is ahead
of the clock.
"""

import random
import threading
import time
from collections.abc import Iterator

_STEP_BITS = 32
_VERSION = 7 << 76
_VARIANT = 0b10 << 62
_LOW_62 = (1 << 62) - 1
_HIGH_12 = (1 << 12) - 1


class IdSource(Iterator[str]):
    """Generates ids, each greater than the one before. It is thread-safe."""

    def __init__(self, newest: str | None = None) -> None:
        self._lock = threading.Lock()
        # An id grants nothing to those who guess it.
        self._random = random.Random()  # noqa: S311  ids are unique, not secret
        self._milliseconds, self._high, self._low = 0, 0, 0
        if newest is not None:
            self.start_after(newest)

    def start_after(self, newest: str) -> None:
        """Generate only ids greater than ``newest`` from now on."""
        value = int(newest.replace("-", ""), 16)
        stored = value >> 80, (value >> 64) & _HIGH_12, value & _LOW_62
        with self._lock:
            self._milliseconds, self._high, self._low = max((self._milliseconds, self._high, self._low), stored)

    def __next__(self) -> str:
        """Return a new id: Unix milliseconds, then a 74-bit counter with a random start in each millisecond."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            self._low += self._random.getrandbits(_STEP_BITS) + 1
            if now > self._milliseconds:
                # The counter starts with its top bit unset, so that it does not overflow within the millisecond.
                self._milliseconds = now
                self._high, self._low = self._random.getrandbits(11), self._random.getrandbits(62)
            elif self._low > _LOW_62:
                self._low &= _LOW_62
                self._milliseconds, self._high = self._carried()
            digits = f"{self._milliseconds << 80 | _VERSION | self._high << 64 | _VARIANT | self._low:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def _carried(self) -> tuple[int, int]:
        return (self._milliseconds, self._high + 1) if self._high < _HIGH_12 else (self._milliseconds + 1, 0)
