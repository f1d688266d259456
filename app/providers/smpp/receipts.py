"""Delivery receipts: by optional parameters, and by a text that is only typical (carriers.md 5.7) [S App. B]."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from enum import StrEnum

from app.domain.messages import DeliveryReport, OutboundStatus
from app.providers.smpp.pdu import Tag

_STATES = {
    1: OutboundStatus.ACCEPTED, 2: OutboundStatus.DELIVERED, 3: OutboundStatus.EXPIRED, 4: OutboundStatus.DELETED,
    5: OutboundStatus.UNDELIVERED, 6: OutboundStatus.ACCEPTED, 7: OutboundStatus.UNKNOWN, 8: OutboundStatus.REJECTED,
    9: OutboundStatus.UNDELIVERED,
}  # fmt: skip
_WORDS = {
    "DELIVRD": OutboundStatus.DELIVERED, "DELIVERED": OutboundStatus.DELIVERED, "EXPIRED": OutboundStatus.EXPIRED,
    "DELETED": OutboundStatus.DELETED, "UNDELIV": OutboundStatus.UNDELIVERED,
    "UNDELIVERABLE": OutboundStatus.UNDELIVERED, "FAILED": OutboundStatus.UNDELIVERED,
    "REJECTD": OutboundStatus.REJECTED, "REJECTED": OutboundStatus.REJECTED, "UNKNOWN": OutboundStatus.UNKNOWN,
    "ACCEPTD": OutboundStatus.ACCEPTED, "ACCEPTED": OutboundStatus.ACCEPTED, "ENROUTE": OutboundStatus.ACCEPTED,
    "BUFFRED": OutboundStatus.ACCEPTED, "BUFFERD": OutboundStatus.ACCEPTED, "ACKED": OutboundStatus.ACCEPTED,
}  # fmt: skip
_FIELD = re.compile(
    r"(?:^|(?<=\s))(id|sub|dlvrd|submit\s*date|done\s*date|stat|err|text)[^\S\r\n]*:[^\S\r\n]*", re.IGNORECASE
)
_DATES = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}
_LONGEST_ERROR, LONGEST_ID = 200, 64
_NETWORK_ERROR_OCTETS = 3


class IdForm(StrEnum):
    """How a carrier writes its ids of messages."""

    TEXT = "text"
    HEX = "hex"
    DEC = "dec"


_BASES = {IdForm.HEX: 16, IdForm.DEC: 10}
_DIGITS = {IdForm.HEX: re.compile("[0-9A-Fa-f]+"), IdForm.DEC: re.compile("[0-9]+")}


def id_of(given: str, form: IdForm) -> str:
    """Return an id as it is compared: text without case, or an integer of any size; what is no number stays text."""
    text = given.strip("\0 \t\r\n").lower()[:LONGEST_ID]
    if form is not IdForm.TEXT and _DIGITS[form].fullmatch(text):
        return str(int(text, _BASES[form]))
    return text


def fields_of(text: str) -> dict[str, str]:
    """Return the fields of a receipt's text by their names in lower case; what stands behind ``text:`` is not read."""
    found: dict[str, str] = {}
    matches = list(_FIELD.finditer(text))
    for match, behind in zip(matches, [*matches[1:], None], strict=False):
        name = "".join(match[1].lower().split())
        if name == "text":
            break
        found.setdefault(name, text[match.end() : behind.start() if behind else len(text)].strip("\0 \t\r\n"))
    return found


def report_of(
    tlvs: Mapping[int, bytes], text: str, *, form: IdForm, is_text_first: bool, zone: tzinfo
) -> DeliveryReport | None:
    """Return what a receipt reports; None if it names no message. Nothing in a receipt is an error.

    ``form`` is that of ids in receipts, ``zone`` that of the carrier's times.
    """
    fields = fields_of(text)
    by_tlv, by_text = _text_of(tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"")), _word(fields.get("id", ""))
    theirs = (by_text or by_tlv) if is_text_first else (by_tlv or by_text)
    if not theirs:
        return None
    word = _word(fields.get("stat", "")).upper()
    state = tlvs.get(Tag.MESSAGE_STATE, b"")
    status = _STATES.get(state[0]) if state else _WORDS.get(word)
    code = fields.get("err") or _network_error(tlvs.get(Tag.NETWORK_ERROR_CODE, b""))
    if status is None and not state and word:
        code = code or word
    at = _moment(_word(fields.get("donedate", "")), zone)
    return DeliveryReport(id_of(theirs, form), status, code[:_LONGEST_ERROR] if code else None, at)


def _text_of(octets: bytes) -> str:
    return octets.partition(b"\0")[0].decode("latin-1").strip()


def _word(text: str) -> str:
    return next(iter(text.split(maxsplit=1)), "")


def _network_error(octets: bytes) -> str | None:
    """Return network_error_code as ``type:number`` [S 5.3.2.31]."""
    if len(octets) != _NETWORK_ERROR_OCTETS:
        return None
    return f"{octets[0]}:{int.from_bytes(octets[1:])}"


def _moment(digits: str, zone: tzinfo) -> datetime | None:
    form = _DATES.get(len(digits))
    if form is None or not (digits.isascii() and digits.isdecimal()):
        return None
    try:
        return datetime.strptime(digits, form).replace(tzinfo=zone)
    except ValueError:
        return None
