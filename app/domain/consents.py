"""Consent to marketing messages: where and when it was given, and whether it was withdrawn (flows.md 15)."""

from datetime import datetime
from typing import Self

from app.domain.records import Record, latest
from app.domain.values import replace, value

MARKETING = "marketing"


@value
class MarketingConsent(Record):
    """The consent of a tenure, with the id ``marketing``; given at ``made_at`` (UTC) through ``source``."""

    source: str
    withdrawn_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True unless it was withdrawn."""
        return self.withdrawn_at is None

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.withdrawn_at)

    def withdrawn(self, at: datetime) -> Self:
        """Return the consent, withdrawn at ``at`` (UTC)."""
        return replace(self, withdrawn_at=at)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Withdraw it, as it does not apply to the next customer (safety.md 1)."""
        return self.withdrawn(at) if self.is_open else self
