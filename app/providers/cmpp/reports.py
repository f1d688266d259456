"""Delivery reports, inside the content of a DELIVER (carriers.md 6.7)."""

from collections.abc import Mapping
from datetime import datetime

from app.domain.calendar import SHANGHAI
from app.domain.messages import DeliveryReport, OutboundStatus
from app.providers.cmpp.pdu import NO_MSG_ID, Form, Version, layout

# Which layout it has, by its length: carriers of 3.0 send that of 2.0, too, and the other way round.
_LAYOUTS = {60: Version.V2, 71: Version.V3}
_SHORTEST = 15  # Msg_Id and Stat
_WORDS: Mapping[str, OutboundStatus] = {
    "DELIVRD": OutboundStatus.DELIVERED,
    "EXPIRED": OutboundStatus.EXPIRED,
    "DELETED": OutboundStatus.DELETED,
    "UNDELIV": OutboundStatus.UNDELIVERED,
    "REJECTD": OutboundStatus.REJECTED,
    "ACCEPTD": OutboundStatus.ACCEPTED,
    "UNKNOWN": OutboundStatus.UNKNOWN,
}
# Of codes such as MA:0001: an element of the network gave no answer, or one behind it no report; B: it gave an error.
_UNANSWERED, _KIND, _COLON = frozenset("AC"), 1, 2
_MOMENT, _MOMENT_DIGITS = "%y%m%d%H%M", 10


def report_of(content: bytes) -> DeliveryReport | None:
    """Return what a report says; None if it names no message. Nothing in it is an error."""
    if len(content) < _SHORTEST:
        return None
    read = layout(Form.REPORT, _LAYOUTS.get(len(content), Version.V2)).read_some(content)
    theirs, stat = read.hex("msg_id"), read.text("stat")
    if theirs == NO_MSG_ID:
        return None
    return DeliveryReport(theirs, status_of(stat), stat or None, _moment(read.text("done_time")))


def status_of(stat: str) -> OutboundStatus | None:
    """Return the status that a word of the carrier stands for; None without a word."""
    word = stat.upper()
    if not word:
        return None
    if word[_COLON : _COLON + 1] == ":" and word[_KIND] in _UNANSWERED:
        return OutboundStatus.UNKNOWN
    return _WORDS.get(word, OutboundStatus.UNDELIVERED)


def _moment(digits: str) -> datetime | None:
    """Return a time of Beijing; None if it is none."""
    if len(digits) != _MOMENT_DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    try:
        return datetime.strptime(digits, _MOMENT).replace(tzinfo=SHANGHAI)
    except ValueError:
        return None
