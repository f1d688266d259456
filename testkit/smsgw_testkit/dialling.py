"""Numbers as tests write them and as the gateway does, and numbers that no other test has."""

import itertools
import random
from dataclasses import dataclass

_CHINA = "86"
_DIGITS_OF_A_MOBILE = 11


def national(number: str) -> str:
    """Return a number as it is dialled in China: without ``+86`` if it is a mobile number of China."""
    digits = number.removeprefix("+").removeprefix("00")
    of_china = digits.removeprefix(_CHINA)
    return of_china if len(of_china) == _DIGITS_OF_A_MOBILE else digits


@dataclass(frozen=True)
class Numbers:
    """Numbers that no other test uses: ``worker`` (0 to 99) and a count, or drawn, where gateways are shared."""

    worker: int
    is_shared: bool
    _count: "itertools.count[int]"

    @classmethod
    def of(cls, worker: int, *, is_shared: bool) -> "Numbers":
        """Return numbers for a worker of the tests."""
        return cls(worker, is_shared, itertools.count(1))

    def next(self) -> str:
        """Return a number that was not returned before."""
        if self.is_shared:
            return f"137{random.SystemRandom().randrange(10**8):08d}"
        return f"136{self.worker:02d}{next(self._count):06d}"
