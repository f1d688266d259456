"""The ``generic`` carrier: plain JSON over HTTP, as http-api.md describes it."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import override

from app.addresses import address_of
from app.domain.calendar import SHANGHAI, believable
from app.domain.masking import masked
from app.domain.messages import OutboundStatus
from app.domain.values import value
from app.providers.base import (
    Accepted,
    Incoming,
    Invalid,
    MalformedRequestError,
    Provider,
    ProviderSettings,
    Refused,
    RefusedForNow,
    ReportIn,
    SendResult,
    Submission,
    Surroundings,
    Unknown,
)
from app.providers.http import HttpAnswer, HttpPoster
from app.providers.parts import part_of_fields, part_of_header
from app.providers.requests import WebhookRequest
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
_TAKEN = range(200, 300)
_MOVED = range(300, 400)
_BAD_REQUEST = range(400, 500)
_CONFLICT = 409
_TOO_MANY = 429
_NOT_NOW = frozenset({408, 425, _TOO_MANY, *range(500, 600)})


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
    concat_ref: int | None = Field(default=None, ge=0, lt=2**63, description="of a part: the same in all parts")
    concat_total: int | None = Field(default=None, description="of a part: how many there are")
    concat_part: int | None = Field(default=None, description="of a part: which one, from 1")
    udh: str | None = Field(default=None, max_length=1000, description="instead: the user data header, in hex")


class StatusBody(BaseModel):
    """One delivery report."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: str = Field(min_length=1, description="the provider's id of our MT")
    reference: str | None = Field(default=None, description="ours, as it was sent with the MT")
    status: str
    error_code: str | None = None
    at: datetime | None = None


class TakenBody(BaseModel):
    """What a carrier answers that took an MT."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: str | int = Field(description="the provider's id of our MT")


_INBOUND = TypeAdapter(InboundBody)
_STATUS = TypeAdapter(StatusBody)
_TAKEN_BODY = TypeAdapter(TakenBody)


@value
class SendTo:
    """Where a carrier takes messages; ``resend_unknown``: what may have arrived is sent again."""

    url: httpx.URL
    http: HttpPoster
    resend_unknown: bool = False


class GenericProvider(Provider):
    """Any carrier, aggregator or test that can post JSON, and take it if ``send_to`` says where."""

    kind = "generic"

    def __init__(self, name: str, secrets: Sequence[str] = (), send_to: SendTo | None = None) -> None:
        """Without secrets nothing is signed either way; ValueError for a secret of no known form."""
        super().__init__(name)
        self._signatures = Signatures(secrets) if secrets else None
        self._send_to = send_to
        self.can_send = send_to is not None
        self.resends_unknown = send_to is not None and send_to.resend_unknown

    @override
    @classmethod
    def make(cls, settings: ProviderSettings, around: Surroundings) -> Provider:
        """It can send if the settings say where."""
        send_to = None
        if settings.send_url is not None:
            http = HttpPoster(around.transport, settings.timeout_seconds)
            send_to = SendTo(address_of(settings.send_url), http, settings.resend_unknown)
        return cls(settings.name, settings.secrets, send_to)

    @override
    def authenticate(self, request: WebhookRequest) -> None:
        """Check the signature, if this carrier has a secret."""
        if self._signatures is not None:
            self._signatures.check(request.headers, request.body)

    # ---- out

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Post messages, each in a request of its own: one a call, as ``most_per_call`` says."""
        if self._send_to is None:
            return await super().send(submissions)
        return [await self._post(self._send_to, item) for item in submissions]

    async def _post(self, to: SendTo, item: Submission) -> SendResult:
        body = to_json(
            {
                "reference": item.reference,
                "from": item.sender,
                "to": item.recipient,
                "text": item.text,
                "encoding": item.encoding,
                "segments": item.segments,
                "class": item.kind,
            }
        )
        signed = self._signatures.sign(item.reference, body) if self._signatures else {"webhook-id": item.reference}
        answer = await to.http.post(to.url, {"content-type": "application/json", **signed}, body)
        if isinstance(answer, HttpAnswer):
            return _result(answer)
        return Unknown(answer.reason) if answer.sent else RefusedForNow(answer.reason)

    # ---- in

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[Incoming | Invalid] | Incoming:
        """One object, or an array of up to 500."""
        body = request.body
        if body.lstrip()[:1] == b"[":
            return _inbound_list(body)
        try:
            return _incoming(_INBOUND.validate_json(body))
        except ValidationError as error:
            if b"\\ud" not in body.lower():
                raise MalformedRequestError(explain(error)) from None
        # A lone surrogate, as some phones make them: Python's own parser lets the escape pass.
        return read_message(_json(body))

    @override
    def parse_reports(self, request: WebhookRequest) -> list[ReportIn]:
        """One report; a status that we do not know, or an id that is none, says nothing to us."""
        try:
            report = _STATUS.validate_json(request.body)
        except ValidationError as error:
            raise MalformedRequestError(explain(error)) from None
        status = _STATUSES.get(report.status.lower())
        if status is None or len(report.message_id) > _LONGEST_ID:
            return []
        code = (report.error_code or "")[:_LONGEST_CODE] or None
        return [ReportIn(report.message_id, status, code, _aware(report.at), report.reference)]


def _result(answer: HttpAnswer) -> SendResult:
    """What an answer means (http-api.md, the settings file).

    Where that is silent: a redirect was not followed, so nothing was taken and a later try may meet the carrier set
    right. A conflict may mean that the carrier has this reference already; that, and success without an id of theirs,
    is not known to be taken. Any other 4xx is as final as those that are named.
    """
    code = f"HTTP {answer.status}"
    if answer.status in _TAKEN:
        theirs = _their_id(answer.body)
        return Accepted(theirs) if theirs else Unknown(f"{code} without a message_id")
    if answer.status in _NOT_NOW:
        return RefusedForNow(code, answer.retry_after(), throttled=answer.status == _TOO_MANY)
    if answer.status in _MOVED:
        return RefusedForNow(f"{code}: redirects are not followed")
    if answer.status in _BAD_REQUEST and answer.status != _CONFLICT:
        return Refused(code)
    return Unknown(code)


def _their_id(body: bytes | None) -> str | None:
    try:
        found = str(_TAKEN_BODY.validate_json(body or b"").message_id)
    except ValidationError:
        return None
    return found if 0 < len(found) <= _LONGEST_ID and "\x00" not in found else None


def _incoming(body: InboundBody) -> Incoming:
    header = part_of_header(body.udh) if body.udh else None
    part = part_of_fields(body.concat_ref, body.concat_total, body.concat_part) or header
    return Incoming(body.message_id, body.sender, body.dialled, body.text, _aware(body.received_at), part)


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
    for item in values:
        try:
            items.append(read_message(item))
        except MalformedRequestError as error:
            items.append(Invalid(str(error)))
    return items


def explain(error: ValidationError) -> str:
    """What is wrong where, without a word of what was sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{place(item['loc']) or 'body'}: {item['msg']}" for item in found[:5])


def place(location: Sequence[int | str]) -> str:
    """Where something is wrong; a name that nobody knows may be anything, a password too."""
    return ".".join(masked(str(part)) for part in location)
