"""Consent to marketing: given somewhere, kept with that as evidence, taken back by a word (flows.md 15)."""

from datetime import datetime
from typing import Self

from app.domain.records import Record
from app.domain.values import replace, value

MARKETING = "marketing"


@value
class MarketingConsent(Record):
    """One for each tenure, with the id ``marketing``. ``source`` says where she gave it; ``made_at`` when (UTC)."""

    source: str
    withdrawn_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it holds."""
        return self.withdrawn_at is None

    def withdrawn(self, at: datetime) -> Self:
        """The consent after she took it back."""
        return replace(self, withdrawn_at=at)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Her consent is not the next customer's (safety.md 1)."""
        return self.withdrawn(at) if self.is_open else self
