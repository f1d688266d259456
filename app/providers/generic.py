"""The ``generic`` carrier: plain JSON over HTTP, as http-api.md describes it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import override

from app.domain.calendar import SHANGHAI, believable
from app.domain.messages import OutboundStatus
from app.providers.base import Incoming, Invalid, MalformedRequestError, Provider, ReportIn
from app.providers.signatures import Signatures

MAX_ITEMS = 500
_LONGEST_ID = 200
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


class InboundBody(BaseModel):
    """One MO; fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: str = Field(min_length=1, max_length=_LONGEST_ID, description="the provider's id of the message")
    sender: str = Field(alias="from", min_length=1, max_length=64, description="who wrote, in any usual form")
    dialled: str = Field(alias="to", min_length=1, max_length=64, description="the service number that was written to")
    text: str = Field(description="the text as it was sent")
    received_at: datetime | None = Field(
        default=None, description="when the provider got it; without offset: Asia/Shanghai"
    )


class StatusBody(BaseModel):
    """One delivery report."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: str = Field(min_length=1, description="the provider's id of our MT")
    status: str
    error_code: str | None = None
    at: datetime | None = None


_INBOUND = TypeAdapter(InboundBody)
_STATUS = TypeAdapter(StatusBody)


class GenericProvider(Provider):
    """Any carrier, aggregator or test that can post JSON."""

    kind = "generic"

    def __init__(self, name: str, secrets: Sequence[str] = ()) -> None:
        """Without secrets every request is believed; ValueError for a secret of no known form."""
        super().__init__(name)
        self._signatures = Signatures(secrets) if secrets else None

    @override
    def authenticate(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check the signature, if this carrier has a secret."""
        if self._signatures is not None:
            self._signatures.check(headers, body)

    def parse_inbound(self, body: bytes) -> list[Incoming | Invalid] | Incoming:
        """One object, or an array of up to 500."""
        if body.lstrip()[:1] == b"[":
            return _inbound_list(body)
        try:
            return _incoming(_INBOUND.validate_json(body))
        except ValidationError as error:
            if b"\\ud" not in body.lower():
                raise MalformedRequestError(explain(error)) from None
        # A lone surrogate, as some phones make them: Python's own parser lets the escape pass.
        return read_message(_json(body))

    def parse_reports(self, body: bytes) -> list[ReportIn]:
        """One report; a status that we do not know, or an id that is none, says nothing to us."""
        try:
            report = _STATUS.validate_json(body)
        except ValidationError as error:
            raise MalformedRequestError(explain(error)) from None
        status = _STATUSES.get(report.status.lower())
        if status is None or len(report.message_id) > _LONGEST_ID:
            return []
        return [
            ReportIn(report.message_id, status, (report.error_code or "")[:_LONGEST_CODE] or None, _aware(report.at))
        ]


def _incoming(body: InboundBody) -> Incoming:
    return Incoming(body.message_id, body.sender, body.dialled, body.text, _aware(body.received_at))


def _aware(moment: datetime | None) -> datetime | None:
    """A time without an offset is Beijing time, as Chinese carriers write it; an impossible one is as good as none."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return aware if believable(aware) else None


def read_message(value: object) -> Incoming:
    """One MO from JSON that is already taken apart. Raises MalformedRequestError."""
    try:
        return _incoming(_INBOUND.validate_python(value))
    except ValidationError as error:
        text = value.get("text") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(text, str) or not _LONE_SURROGATE.search(text):
            raise MalformedRequestError(explain(error)) from None
    # pydantic takes no lone surrogates; the text is taken aside while the rest is checked.
    return replace(read_message({**value, "text": ""}), text=text)


def _json(body: bytes) -> object:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedRequestError("The body is not JSON in UTF-8.") from None
    return value


def _inbound_list(body: bytes) -> list[Incoming | Invalid]:
    values = _json(body)
    if not isinstance(values, list) or len(values) > MAX_ITEMS:
        raise MalformedRequestError(f"At most {MAX_ITEMS} messages in one array; send the rest in another request.")
    items: list[Incoming | Invalid] = []
    for value in values:
        try:
            items.append(read_message(value))
        except MalformedRequestError as error:
            items.append(Invalid(str(error)))
    return items


def explain(error: ValidationError) -> str:
    """What is wrong where, without a word of what was sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in found[:5])
