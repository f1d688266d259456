"""Identifiers: UUIDv7 (RFC 9562, section 5.7), monotonic also when the machine's clock is set back.

Order per subscriber follows the ids, so they start at the newest one stored if that is ahead of the clock.
"""

import random
import threading
import time
from collections.abc import Iterator

_STEP_BITS = 32
_VARIANT = 0b10 << 62
_LOW_62 = (1 << 62) - 1
_HIGH_12 = (1 << 12) - 1


class IdSource(Iterator[str]):
    """Hands out ids, each greater than the one before; safe to use from several threads."""

    def __init__(self, newest: str | None = None) -> None:
        self._lock = threading.Lock()
        # Unique, not secret: nothing is granted to whoever guesses an id.
        self._random = random.Random()  # noqa: S311  ids are unique, not secret
        self._milliseconds, self._high, self._low = 0, 0, 0
        # What is the same in most ids of a millisecond: writing numbers as text is half the work of making one.
        self._prefix = ""
        if newest is not None:
            self.start_after(newest)

    def start_after(self, newest: str) -> None:
        """Never hand out an id that sorts before one that is stored already."""
        value = int(newest.replace("-", ""), 16)
        stored = value >> 80, (value >> 64) & _HIGH_12, value & _LOW_62
        with self._lock:
            if stored > (self._milliseconds, self._high, self._low):
                self._set(*stored)

    def __next__(self) -> str:
        """A fresh id: milliseconds, then a counter of 74 bits that starts at random within each of them."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            low = self._low + self._random.getrandbits(_STEP_BITS) + 1
            if now > self._milliseconds:
                # The top bit is left free, so that the counter does not run over within the millisecond.
                self._set(now, self._random.getrandbits(11), low := self._random.getrandbits(62))
            elif low > _LOW_62:
                low &= _LOW_62
                self._set(*self._carried(), low)
            self._low = low
            prefix = self._prefix
        digits = f"{low | _VARIANT:016x}"
        return f"{prefix}{digits[:4]}-{digits[4:]}"

    def _carried(self) -> tuple[int, int]:
        return (self._milliseconds, self._high + 1) if self._high < _HIGH_12 else (self._milliseconds + 1, 0)

    def _set(self, milliseconds: int, high: int, low: int) -> None:
        self._milliseconds, self._high, self._low = milliseconds, high, low
        digits = f"{milliseconds:012x}"
        self._prefix = f"{digits[:8]}-{digits[8:]}-7{high:03x}-"
