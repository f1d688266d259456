"""Words that opt out of marketing, sent to the number that it would come from (flows.md 1, 3)."""

from app.commands.registry import command
from app.commands.speech import say
from app.commands.vocabulary import NO_MARKETING
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import marketing as texts
from app.domain.turn import Outcome, Turn


@command(*NO_MARKETING, at=Extension.CARE, kept=True)
def opt_out(turn: Turn, _argument: str) -> Outcome:
    """Say that no marketing comes: it needs a consent on record, and there is none."""
    text = texts.NO_CONSENT.say(turn.account.language)
    reply = say(turn, text, extension=Extension.CARE, kind=MessageClass.RESULT)
    return Outcome(replies=(reply,), verdict="no marketing")
