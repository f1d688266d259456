"""What one customer gets of a campaign: nothing, or one message under the rules of its class (flows.md 15)."""

from datetime import datetime

from app.commands.registry import call, on_outcome
from app.commands.replies import say
from app.domain.campaigns import CampaignMessage, CampaignMessageState, SkipReason, has_message_in_month
from app.domain.consents import MARKETING, MarketingConsent
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import marketing as texts
from app.domain.turn import DeliveryOutcome, MessageOutcome, Outcome, Refusal, Stimulus, TimerDue, Turn
from app.domain.values import value

_READS = (MarketingConsent, CampaignMessage)
_STATES = {
    DeliveryOutcome.TAKEN: CampaignMessageState.SENT,
    DeliveryOutcome.FAILED: CampaignMessageState.FAILED,
    DeliveryOutcome.UNDELIVERED: CampaignMessageState.FAILED,
}
_CONFLICT = 409


@value
class SendCampaignMessage(Stimulus):
    """A campaign comes to one of its numbers; ``made_at`` (UTC) is when it was for whoever had the number."""

    campaign_id: str
    kind: MessageClass
    text: str
    made_at: datetime


@call(SendCampaignMessage, reads=_READS)
def send_campaign_message(turn: Turn) -> Outcome:
    """One message, or a refusal whose detail is a ``SkipReason``; a second time changes nothing."""
    wanted = turn.stimulus_as(SendCampaignMessage)
    if turn.account.customer is None or turn.account.former_tenure(wanted.made_at) is not None:
        return _skipped(SkipReason.NOT_A_CUSTOMER)
    messages = turn.account.records_of(CampaignMessage)
    if any(one.id == wanted.campaign_id for one in messages):
        return Outcome(verdict="reached before")
    consent = turn.account.record(MarketingConsent, MARKETING)
    if wanted.kind is MessageClass.MARKETING and not (consent and consent.is_open):
        return _skipped(SkipReason.NO_CONSENT)
    goes_at = turn.policy.quiet_hours.release(turn.now)
    if has_message_in_month(messages, wanted.kind, goes_at):
        return _skipped(SkipReason.MONTHLY_CAP)
    state = CampaignMessageState.HELD if goes_at > turn.now else CampaignMessageState.QUEUED
    message = CampaignMessage(wanted.campaign_id, turn.now, wanted.kind, state, goes_at)
    reply = say(
        turn, *_pieces(turn, wanted), extension=Extension.CARE, kind=wanted.kind, about=message.about, notify=True
    )
    return Outcome(replies=(reply,), records=(message,), verdict=state.value)


def _pieces(turn: Turn, wanted: SendCampaignMessage) -> tuple[str, ...]:
    """The text, and for offers how to get no more of them: a word that works where answers find their number."""
    if wanted.kind is not MessageClass.MARKETING or turn.provider.single_number:
        return (wanted.text,)
    number = turn.policy.numbers.number(Extension.CARE)
    return wanted.text, texts.HOW_TO_OPT_OUT.say(turn.account.language, number=number)


def _skipped(reason: SkipReason) -> Outcome:
    return Outcome(refusal=Refusal(_CONFLICT, reason.value), verdict="skipped")


@on_outcome("campaign", reads=(CampaignMessage,))
def record_campaign_outcome(turn: Turn) -> Outcome:
    """Note what became of it."""
    news = MessageOutcome.of(turn.stimulus_as(TimerDue))
    message = turn.account.record(CampaignMessage, news.about.partition(":")[2])
    if message is None:
        return Outcome(verdict="unknown campaign")
    after = message.with_state(_STATES[news.what])
    return Outcome(records=(after,) if after != message else (), verdict=after.state.value)
