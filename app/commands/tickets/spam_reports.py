"""Spam forwarded to 10086999: recorded and acknowledged, whatever it says (flows.md 12)."""

import unicodedata

from app.commands.parser import Said
from app.commands.reading import LONGEST_TEXT
from app.commands.registry import incomplete, number
from app.commands.replies import say
from app.domain.service_numbers import Extension
from app.domain.spam import SpamReport, number_and_content
from app.domain.texts import spam as texts
from app.domain.turn import Outcome, TextReceived, Turn


@incomplete
@number(Extension.SPAM)
def report_spam(turn: Turn, _said: Said) -> Outcome:
    """Record a report and acknowledge it; one that does not say whose message it was is asked for the number.

    What she said within a day before counts once. What looks like a password is recorded masked.
    """
    written = turn.stimulus_as(TextReceived).shown_text[:LONGEST_TEXT]
    said = " ".join(unicodedata.normalize("NFKC", written).split())
    found = number_and_content(said)
    whose, content = found or (None, said)
    text = texts.RECEIVED if found else texts.WITHOUT_NUMBER
    reply = say(turn, text.say(turn.account.language), extension=Extension.SPAM)
    known = any(report.repeated(whose, content, turn.at) for report in turn.account.records_of(SpamReport))
    report = SpamReport(next(turn.ids), turn.at, whose, content)
    return Outcome(replies=(reply,), records=() if known else (report,), verdict="spam report")
