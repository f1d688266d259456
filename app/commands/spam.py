"""Spam forwarded to 10086999: recorded and acknowledged, whatever it says (flows.md 12)."""

import re

from app.commands.parser import normalise
from app.commands.registry import number
from app.commands.speech import say
from app.domain.service_numbers import Extension
from app.domain.texts import spam as texts
from app.domain.turn import Outcome, TextReceived, Turn

# A number, a star or white space, and the content.
_REPORT = re.compile(r"\+?[0-9]{3,20}\s*[*\s]\s*\S")


@number(Extension.SPAM)
def report_spam(turn: Turn) -> Outcome:
    """Acknowledge a report; one that does not say whose message it was is recorded too, and asked for the number."""
    said = normalise(turn.stimulus_as(TextReceived).text)
    text = texts.RECEIVED if _REPORT.match(said.words) else texts.WITHOUT_NUMBER
    reply = say(turn, text.say(turn.account.language), extension=Extension.SPAM)
    return Outcome(replies=(reply,), verdict="spam report")
