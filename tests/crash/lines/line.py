"""What the customers of a carrier, and the carrier, do in a round of chaos, whatever they speak."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from app.db.session import Database
from tests.crash.judging import Found, Outside
from tests.crash.process import Process

# Of the messages that it takes, a carrier reports so many as delivered.
SHARE_REPORTED = 0.4
# Two leases of messages, and starts on a machine that is busy with other tests.
SETTLED_WITHIN_SECONDS = 600


class Line(Protocol):
    """How the customers of a carrier, and the carrier itself, speak with the gateways.

    Attributes:
        outside: what they know.
        objections: what they were told that nobody may be told, and how often.
    """

    outside: Outside
    objections: Counter[str]

    def settings(self, folder: Path, on_unknown: str) -> Mapping[str, str]:
        """Write the settings of the gateways; return variables that name them."""

    def begin(self, fronts: Sequence[Process]) -> None:
        """Begin to report on messages; ``fronts`` are the gateways that take requests."""

    def write(self, number: str, message_id: str, text: str, choose: random.Random) -> None:
        """Have a customer write; return once a gateway has the message."""

    def cut(self) -> None:
        """Break some sessions."""

    def lose_nothing_more(self) -> None:
        """Break no more sessions."""

    def calm_down(self) -> None:
        """Report on no more messages, and wait until the gateways have all reports."""

    def read(self, database: Database, on_unknown: str) -> Found:
        """Read the messages when nothing is on its way any more."""
