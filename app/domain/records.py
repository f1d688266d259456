"""Records: what a tenure has beside subscriptions and questions, such as orders, charges and tickets.

Each kind is a subclass of ``Record`` with a table of its own, listed in ``app.db.record_tables``. A turn gets the kinds
that its command reads.
"""

from datetime import datetime
from typing import Self, TypeVar

from app.domain.values import value


@value
class Record:
    """Something that belongs to one tenure, identified by its kind and id; made at ``made_at`` (UTC)."""

    id: str
    made_at: datetime

    @property
    def is_open(self) -> bool:
        """True while the record can still change. Turns get open records however old they are."""
        return False

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  most kinds stay as they are
        """Return the record as it is after the number was given up at ``at`` (UTC; safety.md 1)."""
        return self


R = TypeVar("R", bound=Record)
