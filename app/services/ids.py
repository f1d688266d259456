"""Identifiers: UUIDv7 (RFC 9562, section 5.7), monotonic also when the machine's clock is set back.

Order per subscriber follows the ids, so they start at the newest one stored if that is ahead of the clock.
"""

import random
import threading
import time
from collections.abc import Iterator

_COUNTER_BITS = 74
_RANDOM_STEP_BITS = 32
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_LOW_62 = (1 << 62) - 1


class IdSource(Iterator[str]):
    """Hands out ids, each greater than the one before; safe to use from several threads."""

    def __init__(self, newest: str | None = None) -> None:
        self._lock = threading.Lock()
        self._last = 0
        # Unique, not secret: nothing is granted to whoever guesses an id.
        self._random = random.Random()  # noqa: S311
        if newest is not None:
            self.start_after(newest)

    def start_after(self, newest: str) -> None:
        """Never hand out an id that sorts before one that is stored already."""
        value = int(newest.replace("-", ""), 16)
        counter = ((value >> 64) & 0xFFF) << 62 | (value & _LOW_62)
        with self._lock:
            self._last = max(self._last, (value >> 80) << _COUNTER_BITS | counter)

    def __next__(self) -> str:
        """A fresh id: milliseconds, then a counter that starts at random within each of them."""
        floor = (time.time_ns() // 1_000_000) << _COUNTER_BITS
        with self._lock:
            if floor > self._last:
                # The top bit is left free, so that the counter does not run over within the millisecond.
                self._last = floor | self._random.getrandbits(_COUNTER_BITS - 1)
            else:
                self._last += self._random.getrandbits(_RANDOM_STEP_BITS) + 1
            value = self._last
        return _text(value)


def _text(value: int) -> str:
    milliseconds, counter = value >> _COUNTER_BITS, value & ((1 << _COUNTER_BITS) - 1)
    number = milliseconds << 80 | (counter >> 62) << 64 | (counter & _LOW_62) | _VERSION_AND_VARIANT
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
