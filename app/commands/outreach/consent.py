"""Consent to marketing, and the words that take it back, sent to where marketing comes from (flows.md 1, 3, 15)."""

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
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import marketing as texts
from app.domain.turn import Outcome, Stimulus, TextReceived, Turn, merge_outcomes, refused
from app.domain.values import replace, value

_READS = (MarketingConsent, CampaignMessage)
# Whatever follows; and what must stand before a blank or sign.
_OPENING = re.compile("|".join(NO_MARKETING))
_ALONE = re.compile(rf"(?:{'|'.join(NO_MARKETING_ALONE)})(?![^\W_])")
_UNKNOWN = "No such subscriber: create it with PUT /api/v1/subscribers/{msisdn}."


@value
class GiveConsent(Stimulus):
    """She agreed to marketing; ``source`` says where."""

    who: str
    source: str


@value
class WithdrawConsent(Stimulus):
    """She took it back with somebody else's help."""

    who: str


@call(GiveConsent, reads=_READS)
def give_consent(turn: Turn) -> Outcome:
    """Record where she agreed; each time is evidence of its own."""
    wanted = turn.stimulus_as(GiveConsent)
    if turn.account.customer is None:
        return refused(404, _UNKNOWN)
    before = _consent(turn)
    consent = MarketingConsent(MARKETING, turn.now, wanted.source)
    draft = EvidenceDraft("consent-given", MARKETING, {
        "who": wanted.who, "source": wanted.source, "before": before.source if before else None,
    })  # fmt: skip
    return Outcome(records=(consent,), evidence=(draft,), verdict="consent given")


@call(WithdrawConsent, reads=_READS)
def withdraw_consent(turn: Turn) -> Outcome:
    """The same as her own word, without an answer."""
    wanted = turn.stimulus_as(WithdrawConsent)
    if turn.account.customer is None:
        return refused(404, _UNKNOWN)
    return _withdrawn(turn, {"who": wanted.who})


@incomplete
@number(Extension.CARE, kept=True)
def opt_out(turn: Turn, said: Said) -> Outcome | None:
    """From now on she gets no marketing, nor what waits for the morning; a service named as well is ended."""
    what = _behind_opt_out(said)
    if what is None:
        return None
    meant = match_services(turn, what)
    whole = not turn.stimulus_as(TextReceived).missing
    named = whole and meant.certain and len(meant.held) == 1 and meant.held[0].can_be_unsubscribed(turn.at)
    return merge_outcomes(_opted_out(turn), *((unsubscribe_match(turn, meant),) if named else ()))


def _behind_opt_out(said: Said) -> str | None:
    """What follows the word that opts out; None where there is none."""
    opening = _OPENING.match(said.key)
    if opening:
        return said.key[opening.end() :]
    alone = _ALONE.match(said.words)
    if alone:
        return normalise(said.words[alone.end() :]).key
    return "" if refuses_marketing(said) else None


def _opted_out(turn: Turn) -> Outcome:
    held = _consent(turn) is not None
    text = (texts.WITHDRAWN if held else texts.NO_CONSENT).say(turn.account.language)
    reply = say(turn, text, extension=Extension.CARE, kind=MessageClass.RESULT)
    received = turn.stimulus_as(TextReceived)
    facts = {"who": f"mo:{received.id}", "answer": received.shown_text, "told": shown(reply)}
    outcome = _withdrawn(turn, facts)
    return replace(outcome, replies=(reply,), verdict="no marketing")


def _withdrawn(turn: Turn, facts: dict[str, str]) -> Outcome:
    consent = _consent(turn)
    waiting = [
        one for one in turn.account.records_of(CampaignMessage) if one.kind is MessageClass.MARKETING and one.is_open
    ]
    superseded = [one.with_state(CampaignMessageState.RECALLED) for one in waiting]
    draft = EvidenceDraft("consent-withdrawn", MARKETING, {**facts, "before": consent.source if consent else None})
    return Outcome(
        records=(*((consent.withdrawn(turn.at),) if consent else ()), *superseded),
        evidence=(draft,) if consent or superseded else (),
        superseded=tuple(one.about for one in superseded),
        verdict="consent withdrawn" if consent else "no consent",
    )


def _consent(turn: Turn) -> MarketingConsent | None:
    found = turn.account.record(MarketingConsent, MARKETING)
    return found if found and found.is_open else None
