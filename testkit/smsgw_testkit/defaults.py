"""What a gateway begins with unless a test says otherwise."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from smsgw_testkit.times import Time

DEMO = "demo"
STANDING_AT = "2026-03-02T10:00:00+08:00"
REAL = "real"
# Seconds for which a call of the gateway can wait.
LONGEST_WAIT = 300


class Unset(Enum):
    """The type of ``UNSET``: nothing was said, which None is not."""

    UNSET = 0


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class Defaults:
    """What a reset does unless it is told otherwise.

    Attributes:
        fixture: customers to begin with: ``demo`` or, for none, None.
        now: time at which the clock stands; ``real``: it runs.
        timeout: seconds for which a call waits until nothing is left to do.
    """

    fixture: str | None = DEMO
    now: Time = STANDING_AT
    timeout: float = 10
