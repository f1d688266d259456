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

    @property
    def needs_settling(self) -> bool:
        """True while something is to be decided or done about it; its tenure is not erased until then."""
        return self.is_open

    @property
    def of_service(self) -> str | None:
        """The code of the service that it is about; None if it is about none."""
        return None

    @property
    def last_instant(self) -> datetime:
        """The latest time that it holds (UTC), from which the retention of its evidence counts."""
        return self.made_at

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  most kinds stay as they are
        """Return the record as it is after the number was given up at ``at`` (UTC; safety.md 1)."""
        return self


def latest(first: datetime, *others: datetime | None) -> datetime:
    """Return the latest of these times that are known."""
    return max((first, *(other for other in others if other is not None)))


R = TypeVar("R", bound=Record)
