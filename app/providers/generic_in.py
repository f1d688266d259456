"""Parsing of what the ``generic`` carrier posts: messages and delivery reports in JSON (http-api.md, webhooks)."""

import hashlib
import json
import re
import uuid
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.domain.calendar import SHANGHAI
from app.domain.masking import mask
from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.parts import MOST_PARTS, PartOf
from app.domain.stamps import StampForm
from app.domain.values import value
from app.providers.bodies import encoding_error, is_array
from app.providers.parts import part_of_fields, part_of_header
from app.providers.requests import MalformedRequestError
from app.providers.stamps import read_stamp
from app.providers.webhook import Invalid

MAX_ITEMS = 500
LONGEST_ID = 200
_LONGEST_CODE = 200
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_STATUSES = {
    "accepted": OutboundStatus.ACCEPTED,
    "delivered": OutboundStatus.DELIVERED,
    "undelivered": OutboundStatus.UNDELIVERED,
    "expired": OutboundStatus.EXPIRED,
    "rejected": OutboundStatus.REJECTED,
    "deleted": OutboundStatus.DELETED,
    "unknown": OutboundStatus.UNKNOWN,
}
Integer = Annotated[int, Field(strict=True)]


class InboundBody(BaseModel):
    """One MO; unknown fields are ignored. Ids and numbers may be integers."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: Annotated[str, Field(max_length=LONGEST_ID)] | Integer | None = Field(
        default=None, description="the provider's id of the message; without it, it is known by what it says"
    )
    sender: Annotated[str, Field(min_length=1, max_length=64)] | Integer = Field(
        alias="from", description="who wrote, in any usual form"
    )
    dialled: Annotated[str, Field(min_length=1, max_length=64)] | Integer = Field(
        alias="to", description="the service number that was written to"
    )
    text: str = Field(description="the text as it was sent")
    received_at: object = Field(default=None, description="when the provider got it; see ``read_stamp``")
    concat_ref: int | None = Field(default=None, ge=0, lt=2**63, description="of a part: the same in all parts")
    concat_total: int | None = Field(default=None, description="of a part: how many there are")
    concat_part: int | None = Field(default=None, description="of a part: which one, from 1")
    udh: str | None = Field(default=None, max_length=1000, description="instead: the user data header, in hex")


class StatusBody(BaseModel):
    """One delivery report. Only a bad id or status makes it unusable, as the status of a refused report is lost."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: Annotated[str, Field(min_length=1)] | Integer | float = Field(description="the provider's id of our MT")
    reference: object = Field(default=None, description="ours, as it was sent with the MT")
    status: object
    error_code: object = None
    at: object = None
    part: object = Field(default=None, description="which segment it is about, from 1")


_INBOUND = TypeAdapter(InboundBody)
_STATUS = TypeAdapter(StatusBody)


@value
class Reader:
    """Parses JSON in UTF-8; ``zone`` is the zone of times that name none."""

    zone: tzinfo = SHANGHAI

    def inbound(self, body: bytes, given_id: str) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the MO of a body, or those of an array with its unreadable items. Raise MalformedRequestError.

        ``given_id`` is the request's id, for messages without one.
        """
        if is_array(body):
            return self._list(body, given_id)
        try:
            return self._incoming(_INBOUND.validate_json(body), given_id)
        except ValidationError as error:
            if b"\\ud" not in body.lower():
                raise _refusal(error, body) from None
        # A lone surrogate, as some phones produce them: pydantic refuses the escape, json accepts it.
        return self.message(_json(body), given_id)

    def message(self, value: object, given_id: str = "") -> InboundMessage:
        """Return the MO in a parsed JSON value. Raise MalformedRequestError."""
        try:
            return self._incoming(_INBOUND.validate_python(value), given_id)
        except ValidationError as error:
            text = value.get("text") if isinstance(value, dict) else None
            if not isinstance(value, dict) or not isinstance(text, str) or not _LONE_SURROGATE.search(text):
                raise MalformedRequestError.of(error) from None
        # pydantic refuses lone surrogates, so the rest is validated without the text.
        return self._incoming(_INBOUND.validate_python({**value, "text": ""}), given_id, text)

    def _list(self, body: bytes, given_id: str) -> list[InboundMessage | Invalid]:
        values = _json(body)
        if not isinstance(values, list) or len(values) > MAX_ITEMS:
            raise MalformedRequestError(f"At most {MAX_ITEMS} messages in one array; send the rest in another request.")
        items: list[InboundMessage | Invalid] = []
        for index, item in enumerate(values):
            try:
                items.append(self.message(item, given_id and f"{given_id}.{index}"))
            except MalformedRequestError as error:
                items.append(Invalid(str(error)))
        return items

    def _incoming(self, body: InboundBody, given_id: str, text: str | None = None) -> InboundMessage:
        header = part_of_header(body.udh) if body.udh else None
        part = part_of_fields(body.concat_ref, body.concat_total, body.concat_part) or header
        stamp = read_stamp(body.received_at, self.zone)
        if stamp.form is StampForm.NO_TIME:
            raise MalformedRequestError("received_at: must be a time such as 2026-03-01T10:00:00+08:00.")
        sender, dialled, text = str(body.sender), str(body.dialled), body.text if text is None else text
        message_id = "" if body.message_id is None else str(body.message_id)
        if not message_id:
            message_id = fingerprint(sender, dialled, text, stamp.at, part) or given_id or f"new-{uuid.uuid4()}"
        form = stamp.form if stamp.form in (StampForm.LOCAL, StampForm.IMPOSSIBLE) else None
        return InboundMessage(message_id, sender, dialled, text, stamp.at, part, form)

    def reports(self, body: bytes) -> list[DeliveryReport]:
        """Return the report of a body, or the readable ones of an array. Raise MalformedRequestError."""
        if is_array(body):
            values = _json(body)
            given = [self._report(item) for item in values] if isinstance(values, list) else []
            if not any(given):
                raise MalformedRequestError("None of these reports has a message_id and a status.")
            return [report for report in given if report]
        try:
            found = self._report_of(_STATUS.validate_json(body))
        except ValidationError as error:
            raise _refusal(error, body) from None
        return [found] if found else []

    def _report(self, item: object) -> DeliveryReport | None:
        try:
            return self._report_of(_STATUS.validate_python(item))
        except ValidationError:
            return None

    def _report_of(self, report: StatusBody) -> DeliveryReport | None:
        theirs = _scalar(report.message_id) or ""
        if not 0 < len(theirs) <= LONGEST_ID:
            return None
        given = _scalar(report.status) or ""
        status = _STATUSES.get(given.strip().lower())
        # A status without an equivalent is stored as the error code.
        code = (_scalar(report.error_code) or ("" if status else given))[:_LONGEST_CODE] or None
        at = read_stamp(report.at, self.zone).at
        return DeliveryReport(theirs, status, code, at, _scalar(report.reference), _segment(report.part))


def fingerprint(sender: str, dialled: str, text: str, at: datetime | None, part: PartOf | None) -> str | None:
    """Return an id for a message without one, derived from its content (delivery.md 2); None without a time.

    Without a time every later ``1`` would count as a repeat. A password's digits are masked first.
    """
    if at is None:
        return None
    of_part = f"{part.ref}/{part.total}/{part.number}" if part else ""
    content = "\x1f".join((sender, dialled, at.astimezone(UTC).isoformat(), of_part, mask(text) or text))
    return f"fp-{hashlib.sha256(content.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _refusal(error: ValidationError, body: bytes) -> MalformedRequestError:
    """Return why a body is refused: it is not UTF-8, or what is wrong in it."""
    return encoding_error(body) or MalformedRequestError.of(error)


def _scalar(given: object) -> str | None:
    """Return an id or a code as a string; None for an empty one, and for all but strings and numbers."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return str(given) or None


def _segment(given: object) -> int | None:
    number = (_scalar(given) or "").strip()
    return int(number) if number.isascii() and number.isdecimal() and 1 <= int(number[:4]) <= MOST_PARTS else None


def _json(body: bytes) -> object:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        raise encoding_error(body) or MalformedRequestError("The body is not JSON in UTF-8.") from None
    return value
