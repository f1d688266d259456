"""The ``infobip`` carrier: JSON in, JSON out.

Source: infobip.com/docs, "SMS API", version 3, "Message status codes", "Receive inbound SMS", "SMS delivery reports".
"""

from typing import Annotated, ClassVar, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json
from typing_extensions import override

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.options import ProviderOptions
from app.providers.answers import result_of_status
from app.providers.apis.calling import ApiOptions, ApiProvider, Call, HeaderSecret, seconds_left
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission, Surroundings, Unknown
from app.providers.http import HttpAnswer
from app.providers.requests import MalformedRequestError, WebhookRequest
from app.providers.stamps import read_stamp
from app.providers.validation import error_details
from app.providers.webhook import Answer, Invalid

_OK = range(200, 300)
_SETTINGS = {401: "api_key", 403: "api_key", 404: "send_url"}
_MOST_RESULTS = 1000
# Groups of statuses.
_PENDING, _DELIVERED = 1, 3
_GROUPS = {
    "PENDING": OutboundStatus.ACCEPTED,
    "UNDELIVERABLE": OutboundStatus.UNDELIVERED,
    "DELIVERED": OutboundStatus.DELIVERED,
    "EXPIRED": OutboundStatus.EXPIRED,
    "REJECTED": OutboundStatus.REJECTED,
}
# In the group DELIVERED, and only with the next operator.
_DELIVERED_TO_OPERATOR = 2
_LONGEST_VALIDITY = 172_800


class InfobipOptions(ApiOptions):
    """Infobip: its SMS API. How it signs is not public, so its webhooks need a fence."""

    api_key: HeaderSecret = Field(
        description="API key with the scope sms:message:send", examples=["(what Infobip shows)"]
    )
    send_url: str = Field(
        description="URL that messages are posted to: the account's base URL and `/sms/3/messages`. Redirects are not "
        "followed",
        examples=["https://xxxxx.api.infobip.com/sms/3/messages"],
    )


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _Status(_Model):
    id: int | None = None
    group: Annotated[int | None, Field(alias="groupId")] = None
    group_name: Annotated[str, Field(alias="groupName")] = ""
    name: str = ""


class _Error(_Model):
    id: int = 0
    name: str = ""
    permanent: bool | None = None


class _Inbound(_Model):
    message_id: Annotated[str, Field(alias="messageId", min_length=1, max_length=200)]
    sender: Annotated[str, Field(alias="from", min_length=1, max_length=64)]
    dialled: Annotated[str, Field(alias="to", min_length=1, max_length=64)]
    text: str
    received_at: Annotated[str | None, Field(alias="receivedAt")] = None


class _Report(_Model):
    message_id: Annotated[str, Field(alias="messageId", min_length=1, max_length=200)]
    status: _Status
    error: _Error = _Error()
    done_at: Annotated[str | None, Field(alias="doneAt")] = None
    callback_data: Annotated[str | None, Field(alias="callbackData")] = None


class _Results(_Model):
    results: Annotated[list[dict[str, object]], Field(max_length=_MOST_RESULTS)]


class _Taken(_Model):
    message_id: Annotated[str, Field(alias="messageId", min_length=1, max_length=200)]
    status: _Status
    error: _Error = _Error()


class _Sent(_Model):
    messages: Annotated[list[_Taken], Field(min_length=1, max_length=1)]


_ItemT = TypeVar("_ItemT", bound=_Model)


class InfobipProvider(ApiProvider):
    """Infobip: up to 100 results a request; the id of an MT is the gateway's reference."""

    kind = "infobip"
    options: ClassVar[type[ProviderOptions]] = InfobipOptions
    acknowledgement: ClassVar[Answer | None] = Answer(200, b"{}")

    def __init__(self, name: str, options: InfobipOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._url = httpx.URL(options.send_url)
        self._headers = {
            "authorization": f"App {options.api_key.get_secret_value()}",
            "content-type": "application/json",
            "accept": "application/json",
        }

    # ---- in

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the messages of a request; Infobip joins parts."""
        return [
            Invalid(error_details(item)) if isinstance(item, ValidationError) else self._message(item)
            for item in _items(_Inbound, request.body)
        ]

    def _message(self, found: _Inbound) -> InboundMessage:
        # Numbers are international, without a plus.
        is_number = found.sender.isascii() and found.sender.isdecimal()
        sender = f"+{found.sender}" if is_number else found.sender
        at = read_stamp(found.received_at, self.zone).at
        return InboundMessage(found.message_id, sender, found.dialled, found.text, at)

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the reports of a request that can be read; those with an unknown status have none."""
        found = [item for item in _items(_Report, request.body) if isinstance(item, _Report)]
        return [self._report(item) for item in found]

    def _report(self, found: _Report) -> DeliveryReport:
        status = _GROUPS.get(found.status.group_name)
        if found.status.id == _DELIVERED_TO_OPERATOR:
            status = OutboundStatus.ACCEPTED
        code = found.error.name if found.error.id else "" if status else found.status.name
        at = read_stamp(found.done_at, self.zone).at
        return DeliveryReport(found.message_id, status, code[:200] or None, at, found.callback_data or found.message_id)

    # ---- out

    @override
    def call(self, item: Submission) -> Call:
        message: dict[str, object] = {
            "sender": self.sender_of(item).removeprefix("+"),
            "destinations": [{"to": item.recipient.removeprefix("+"), "messageId": item.reference}],
            "content": {"text": item.text},
        }
        webhooks: dict[str, object] = {"callbackData": item.reference}
        if url := self.reports_url():
            webhooks |= {"delivery": {"url": url, "intermediateReport": True}, "contentType": "application/json"}
        message["webhooks"] = webhooks
        if (seconds := seconds_left(item)) in range(1, _LONGEST_VALIDITY):
            message["options"] = {"validityPeriod": {"amount": seconds, "timeUnit": "SECONDS"}}
        return Call(self._url, self._headers, to_json({"messages": [message]}))

    @override
    def result(self, item: Submission, answer: HttpAnswer) -> SendResult:
        if answer.status not in _OK:
            return result_of_status(answer, _SETTINGS, knows_reference=False)
        try:
            [taken] = _Sent.model_validate_json(answer.body or b"").messages
        except ValidationError:
            return Unknown(f"HTTP {answer.status} without a status")
        if taken.status.group in (_PENDING, _DELIVERED):
            return Accepted(taken.message_id)
        code = taken.error.name or taken.status.name or f"group {taken.status.group}"
        return RefusedForNow(code[:200]) if taken.error.permanent is False else Refused(code[:200])


def _items(model: type[_ItemT], body: bytes) -> list[_ItemT | ValidationError]:
    """Return the items of a request, each with its own mistakes. Raise MalformedRequestError."""
    try:
        results = _Results.model_validate_json(body).results
    except ValidationError as error:
        raise MalformedRequestError.of(error) from None
    return [_item(model, given) for given in results]


def _item(model: type[_ItemT], given: dict[str, object]) -> _ItemT | ValidationError:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        return error
