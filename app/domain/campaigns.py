"""Campaigns: one text to many customers. Each gets at most one per message class and calendar month (flows.md 15)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Self

from app.domain.account import Brand, Language, Payment
from app.domain.calendar import local
from app.domain.matters import Matter, MatterKind
from app.domain.messages import MessageClass
from app.domain.records import Record, latest
from app.domain.values import replace, value


class CampaignMessageState(StrEnum):
    """The state of one customer's message of a campaign.

    ``held``: waits for the end of the quiet hours; ``sent``: the network took it; ``recalled``: it will not be sent.
    """

    QUEUED = "queued"
    HELD = "held"
    SENT = "sent"
    FAILED = "failed"
    RECALLED = "recalled"


class SkipReason(StrEnum):
    """The reason why a number did not get a campaign's text."""

    NOT_A_CUSTOMER = "not_a_customer"
    NO_CONSENT = "no_consent"
    MONTHLY_CAP = "monthly_cap"


_WAITING = (CampaignMessageState.QUEUED, CampaignMessageState.HELD)
_COUNTED = (*_WAITING, CampaignMessageState.SENT)


@value
class CampaignMessage(Record):
    """One customer's message of a campaign; its id is the campaign's. It is sent at ``goes_at`` (UTC) or later."""

    kind: MessageClass
    state: CampaignMessageState
    goes_at: datetime

    @property
    def is_open(self) -> bool:
        """True while the message is still to be sent."""
        return self.state in _WAITING

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.goes_at)

    @property
    def about(self) -> Matter:
        """The matter that its message is about, by which it can be superseded."""
        return Matter(MatterKind.CAMPAIGN, self.id)

    def with_state(self, state: CampaignMessageState) -> Self:
        """Return the record in another state; ``recalled`` and ``failed`` are final."""
        if self.state is CampaignMessageState.FAILED or self.state is CampaignMessageState.RECALLED:
            return self
        return replace(self, state=state)

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  it ends at once
        """Recall a message that was not sent yet: it was not for the next customer."""
        return self.with_state(CampaignMessageState.RECALLED) if self.is_open else self


def has_message_in_month(messages: Iterable[CampaignMessage], kind: MessageClass, goes_at: datetime) -> bool:
    """Return True if one of ``messages`` has this class and goes in the same month, in Shanghai, as ``goes_at``."""
    month = _month(goes_at)
    return any(item.kind is kind and item.state in _COUNTED and _month(item.goes_at) == month for item in messages)


def _month(moment: datetime) -> tuple[int, int]:
    here = local(moment)
    return here.year, here.month


@value
class Segment:
    """The customers of a campaign: those who match every field that is not None."""

    brand: Brand | None = None
    vip: bool | None = None
    payment: Payment | None = None
    language: Language | None = None


@value
class Campaign:
    """One text to many customers.

    Attributes:
        segment: the customers that it is for; None for a campaign with a list of numbers.
        who: who created it, as evidence and access records name them.
        made_at: when it was created (UTC).
        expanded: True once all recipients are stored.
    """

    id: str
    kind: MessageClass
    text: str
    segment: Segment | None
    who: str
    made_at: datetime
    expanded: bool
