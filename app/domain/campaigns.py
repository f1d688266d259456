"""Campaigns: one text to many, each of whom gets at most one of its class in a calendar month (flows.md 15)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Self

from app.domain.account import Brand, Language, Payment
from app.domain.calendar import local
from app.domain.messages import MessageClass
from app.domain.records import Record
from app.domain.values import replace, value


class CampaignMessageState(StrEnum):
    """``held``: waits for the morning; ``sent``: the network took it; ``superseded``: not sent after all."""

    QUEUED = "queued"
    HELD = "held"
    SENT = "sent"
    FAILED = "failed"
    RECALLED = "recalled"


class SkipReason(StrEnum):
    """Why somebody did not get a campaign's text."""

    NOT_A_CUSTOMER = "not_a_customer"
    NO_CONSENT = "no_consent"
    MONTHLY_CAP = "monthly_cap"


_WAITING = (CampaignMessageState.QUEUED, CampaignMessageState.HELD)
_COUNTED = (*_WAITING, CampaignMessageState.SENT)


@value
class CampaignMessage(Record):
    """What one customer gets of a campaign; the id is the campaign's. ``goes_at``: when it may leave."""

    kind: MessageClass
    state: CampaignMessageState
    goes_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it is still to be sent."""
        return self.state in _WAITING

    @property
    def about(self) -> str:
        """What its message is about, so that it can be recalled."""
        return f"campaign:{self.id}"

    def with_state(self, state: CampaignMessageState) -> Self:
        """The same in another state; what is recalled or failed stays so."""
        if self.state is CampaignMessageState.FAILED or self.state is CampaignMessageState.RECALLED:
            return self
        return replace(self, state=state)

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  it ends at once
        """It was for her, not for the next customer."""
        return self.with_state(CampaignMessageState.RECALLED) if self.is_open else self


def has_message_in_month(messages: Iterable[CampaignMessage], kind: MessageClass, goes_at: datetime) -> bool:
    """Whether she gets one of this class already in the month, in Shanghai, in which another would go."""
    month = _month(goes_at)
    return any(one.kind is kind and one.state in _COUNTED and _month(one.goes_at) == month for one in messages)


def _month(moment: datetime) -> tuple[int, int]:
    here = local(moment)
    return here.year, here.month


@value
class Segment:
    """Which customers a campaign is for: those who fit everything that is given."""

    brand: Brand | None = None
    vip: bool | None = None
    payment: Payment | None = None
    language: Language | None = None


@value
class Campaign:
    """One text to many. ``segment`` is None for one with a list of numbers; ``expanded`` when all are known."""

    id: str
    kind: MessageClass
    text: str
    segment: Segment | None
    who: str
    made_at: datetime
    expanded: bool
