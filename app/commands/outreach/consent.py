"""Consent to marketing, by calls, and its withdrawal, also by SMS to the number of marketing (flows.md 1, 3, 15)."""

import re

from app.commands.parser import Said, normalise, refuses_marketing
from app.commands.registry import call, incomplete, number
from app.commands.replies import say, shown
from app.commands.subscriptions.by_keyword import unsubscribe_match
from app.commands.subscriptions.matching import match_services
from app.commands.vocabulary import NO_MARKETING, NO_MARKETING_ALONE
from app.domain.campaigns import CampaignMessage, CampaignMessageState
from app.domain.consents import MARKETING, MarketingConsent
from app.domain.evidence import EvidenceDraft
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.refusals import RefusalReason
from app.domain.service_numbers import Extension
from app.domain.texts import marketing as texts
from app.domain.turn import Call, Outcome, TextReceived, Turn, refused
from app.domain.values import replace, value

# Words with anything behind them, and words that end at a blank, a sign or the end.
_OPENING = re.compile("|".join(NO_MARKETING))
_ALONE = re.compile(rf"(?:{'|'.join(NO_MARKETING_ALONE)})(?![^\W_])")


@value
class ConsentGiven:
    """A recorded consent; ``is_new``: there was none, or it was withdrawn."""

    consent: MarketingConsent
    is_new: bool


@value
class GiveConsent(Call[ConsentGiven]):
    """Record that the customer agreed to marketing; ``source`` says where."""

    who: str
    source: str


@value
class WithdrawConsent(Call[None]):
    """Withdraw the consent for the customer; ``who`` is the caller."""

    who: str


@call(GiveConsent, reads=(MarketingConsent,))
def give_consent(turn: Turn) -> Outcome:
    """Record the consent; every call adds evidence, even if there is one already."""
    request = turn.stimulus_as(GiveConsent)
    if turn.account.customer is None:
        return refused(RefusalReason.UNKNOWN_SUBSCRIBER)
    before = _consent(turn)
    consent = MarketingConsent(MARKETING, turn.now, request.source)
    draft = EvidenceDraft("consent-given", MARKETING, {
        "who": request.who, "source": request.source, "before": before.source if before else None,
    })  # fmt: skip
    outcome = Outcome(records=(consent,), evidence=(draft,), verdict="consent given")
    return request.returning(ConsentGiven(consent, before is None or not before.is_open), outcome)


@call(WithdrawConsent, reads=(CampaignMessage, MarketingConsent))
def withdraw_consent(turn: Turn) -> Outcome:
    """Withdraw the consent as an opt-out by SMS does, without a reply."""
    request = turn.stimulus_as(WithdrawConsent)
    if turn.account.customer is None:
        return refused(RefusalReason.UNKNOWN_SUBSCRIBER)
    return _withdrawn(turn, {"who": request.who})


@incomplete
@number(Extension.CARE, kept=True)
def opt_out(turn: Turn, said: Said) -> Outcome | None:
    """Withdraw the consent, supersede held marketing and end a service that the text names. None if no opt-out."""
    rest = _behind_opt_out(said)
    if rest is None:
        return None
    match = match_services(turn, rest)
    complete = not turn.stimulus_as(TextReceived).missing
    names_service = complete and match.certain and len(match.held) == 1 and match.held[0].can_be_unsubscribed(turn.at)
    return merge_outcomes(_opted_out(turn), *((unsubscribe_match(turn, match),) if names_service else ()))


def _behind_opt_out(said: Said) -> str | None:
    """Return what follows the opt-out word; None if there is no such word."""
    prefix = _OPENING.match(said.key)
    if prefix:
        return said.key[prefix.end() :]
    word = _ALONE.match(said.words)
    if word:
        return normalise(said.words[word.end() :]).key
    return "" if refuses_marketing(said) else None


def _opted_out(turn: Turn) -> Outcome:
    had_consent = _consent(turn) is not None
    text = (texts.WITHDRAWN if had_consent else texts.NO_CONSENT).say(turn.account.language)
    reply = say(turn, text, extension=Extension.CARE, kind=MessageClass.RESULT)
    received = turn.stimulus_as(TextReceived)
    facts = {"who": received.actor, "answer": received.shown_text, "told": shown(reply)}
    outcome = _withdrawn(turn, facts)
    return replace(outcome, replies=(reply,), verdict="no marketing")


def _withdrawn(turn: Turn, facts: dict[str, str]) -> Outcome:
    consent = _consent(turn)
    unsent = [
        one for one in turn.account.records_of(CampaignMessage) if one.kind is MessageClass.MARKETING and one.is_open
    ]
    superseded = [one.with_state(CampaignMessageState.RECALLED) for one in unsent]
    draft = EvidenceDraft("consent-withdrawn", MARKETING, {**facts, "before": consent.source if consent else None})
    return Outcome(
        records=(*((consent.withdrawn(turn.at),) if consent else ()), *superseded),
        evidence=(draft,) if consent or superseded else (),
        superseded=tuple(one.about for one in superseded),
        verdict="consent withdrawn" if consent else "no consent",
    )


def _consent(turn: Turn) -> MarketingConsent | None:
    recorded = turn.account.record(MarketingConsent, MARKETING)
    return recorded if recorded and recorded.is_open else None
