"""Spam reports: whose message was forwarded, and what it said (flows.md 12)."""

from datetime import datetime, timedelta

from app.domain.msisdn import parse_msisdn
from app.domain.records import Record
from app.domain.values import value

# The same number and content from the same reporter within this counts once.
ONCE_WITHIN = timedelta(hours=24)


@value
class SpamReport(Record):
    """A report by the subscriber that it is kept with; ``number`` is None where she named none."""

    number: str | None
    content: str

    def repeated(self, number: str | None, content: str, at: datetime) -> bool:
        """Whether a report that comes at ``at`` (UTC) says the same again within a day."""
        return (self.number, self.content) == (number, content) and at - self.made_at <= ONCE_WITHIN


def reported_number(written: str) -> str:
    """A number as reports are counted by it: a subscriber's in E.164, any other as its digits."""
    return parse_msisdn(written) or written.removeprefix("+")
