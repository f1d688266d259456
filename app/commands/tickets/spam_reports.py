"""Record and acknowledge spam forwarded to 10086999, whatever it says (flows.md 12)."""

import unicodedata

from app.commands.parser import Said
from app.commands.reading import LONGEST_TEXT
from app.commands.registry import incomplete, number
from app.commands.replies import say
from app.domain.service_numbers import Extension
from app.domain.spam import SpamReport, number_and_content
from app.domain.texts import tickets as texts
from app.domain.turn import Outcome, TextReceived, Turn


@incomplete
@number(Extension.SPAM)
def report_spam(turn: Turn, _sentence: Said) -> Outcome:
    """Record a spam report and acknowledge it; ask for the sender's number if it is missing.

    A report repeated within a day counts once. What looks like a password is recorded masked.
    """
    written = turn.stimulus_as(TextReceived).shown_text[:LONGEST_TEXT]
    said = " ".join(unicodedata.normalize("NFKC", written).split())
    parsed = number_and_content(said)
    sender, content = parsed or (None, said)
    text = texts.SPAM_RECEIVED if parsed else texts.SPAM_WITHOUT_NUMBER
    reply = say(turn, text.say(turn.account.language), extension=Extension.SPAM)
    is_repeated = any(report.is_repeated_by(sender, content, turn.at) for report in turn.account.records_of(SpamReport))
    report = SpamReport(next(turn.ids), turn.at, sender, content)
    return Outcome(replies=(reply,), records=() if is_repeated else (report,), verdict="spam report")
