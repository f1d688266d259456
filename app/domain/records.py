"""Records: what a tenure has beside its subscriptions and questions - orders, charges, tickets and their like.

Each kind is a value with an ``id`` of its own. Which kinds there are is listed in ``app.db.record_tables``; a turn is
handed those kinds that its command reads.
"""

from datetime import datetime
from typing import Self, TypeVar

from app.domain.values import value


@value
class Record:
    """Something of one tenure, known by its kind and id; ``made_at`` is UTC."""

    id: str
    made_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether anything can still become of it: what is open is handed to turns however old it is."""
        return False

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  most kinds stay as they are
        """What becomes of it when the number is given up (safety.md 1)."""
        return self


R = TypeVar("R", bound=Record)
