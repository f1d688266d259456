"""One customer's message of a campaign, under the rules of its message class (flows.md 15)."""

from datetime import datetime

from app.commands.registry import call, on_outcome
from app.commands.replies import say
from app.domain.campaigns import CampaignMessage, CampaignMessageState, SkipReason, has_message_in_month
from app.domain.consents import MARKETING, MarketingConsent
from app.domain.matters import DeliveryOutcome, MatterKind, MessageOutcome
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import marketing as texts
from app.domain.turn import Call, Outcome, TimerDue, Turn
from app.domain.values import value

_STATES = {
    DeliveryOutcome.TAKEN: CampaignMessageState.SENT,
    DeliveryOutcome.FAILED: CampaignMessageState.FAILED,
    DeliveryOutcome.UNDELIVERED: CampaignMessageState.FAILED,
}


@value
class SendCampaignMessage(Call[SkipReason | None]):
    """Send a campaign's message to one number.

    ``made_at`` (UTC) is when the campaign was made: only who had the number then is a recipient.
    """

    campaign_id: str
    kind: MessageClass
    text: str
    made_at: datetime


@call(SendCampaignMessage, reads=(CampaignMessage, MarketingConsent))
def send_campaign_message(turn: Turn) -> Outcome:
    """Send or hold one message, or return why the number is skipped; a repeated call changes nothing."""
    request = turn.stimulus_as(SendCampaignMessage)
    if turn.account.customer is None or turn.account.former_tenure(request.made_at) is not None:
        return _skipped(request, SkipReason.NOT_A_CUSTOMER)
    messages = turn.account.records_of(CampaignMessage)
    if any(item.id == request.campaign_id for item in messages):
        return Outcome(verdict="reached before")
    consent = turn.account.record(MarketingConsent, MARKETING)
    if request.kind is MessageClass.MARKETING and not (consent and consent.is_open):
        return _skipped(request, SkipReason.NO_CONSENT)
    goes_at = turn.policy.quiet_hours.release(turn.now)
    if has_message_in_month(messages, request.kind, goes_at):
        return _skipped(request, SkipReason.MONTHLY_CAP)
    state = CampaignMessageState.HELD if goes_at > turn.now else CampaignMessageState.QUEUED
    message = CampaignMessage(request.campaign_id, turn.now, request.kind, state, goes_at)
    reply = say(
        turn, *_pieces(turn, request), extension=Extension.CARE, kind=request.kind, about=message.about, notify=True
    )
    return Outcome(replies=(reply,), records=(message,), verdict=state.value)


def _pieces(turn: Turn, request: SendCampaignMessage) -> tuple[str, ...]:
    """Return the text; marketing gets the opt-out word appended, unless the provider has a single number."""
    if request.kind is not MessageClass.MARKETING or turn.provider.single_number:
        return (request.text,)
    number = turn.policy.numbers.number(Extension.CARE)
    return request.text, texts.HOW_TO_OPT_OUT.say(turn.account.language, number=number)


def _skipped(request: SendCampaignMessage, reason: SkipReason) -> Outcome:
    return request.returning(reason, Outcome(verdict="skipped"))


@on_outcome(MatterKind.CAMPAIGN, reads=(CampaignMessage,))
def record_campaign_outcome(turn: Turn) -> Outcome:
    """Record the delivery outcome of a campaign message."""
    outcome = MessageOutcome.parse(turn.stimulus_as(TimerDue).data)
    message = turn.account.record(CampaignMessage, outcome.about.subject)
    if message is None:
        return Outcome(verdict="unknown campaign")
    after = message.with_state(_STATES[outcome.what])
    return Outcome(records=(after,) if after != message else (), verdict=after.state.value)
