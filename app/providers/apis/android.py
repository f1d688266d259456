"""The ``android-sms-gateway`` carrier: an Android phone with the app SMS Gateway, by its cloud, a server or itself.

Source: docs.sms-gate.app, features "Sending Messages" and "Webhooks".
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Annotated, ClassVar, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import to_json
from typing_extensions import override

from app.domain.messages import DeliveryReport, InboundMessage, Lane, OutboundStatus
from app.options import Length, ProviderOptions, Secrets
from app.providers.answers import result_of_status
from app.providers.apis.calling import ApiOptions, ApiProvider, Call
from app.providers.base import Accepted, SendResult, Submission, Surroundings
from app.providers.http import HttpAnswer
from app.providers.proofs import is_fresh, is_one_of
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from app.providers.stamps import read_stamp
from app.providers.webhook import Invalid, SignedOptions

_TAKEN = frozenset({200, 201, 202})
# It has a message with this id already.
_KNOWN = 409
_SETTINGS = {401: "username, password", 403: "username, password", 404: "send_url"}
_RECEIVED = "sms:received"
_STATUSES = {
    "sms:sent": OutboundStatus.ACCEPTED,
    "sms:delivered": OutboundStatus.DELIVERED,
    "sms:failed": OutboundStatus.FAILED,
    "sms:cancelled": OutboundStatus.DELETED,
}
_TIMES = ("sentAt", "deliveredAt", "failedAt", "cancelledAt")
# A priority from 100 on is exempt from the app's own limits and pauses.
_AT_ONCE, _IN_TURN = 100, 0
_MOST_PARTS = 255


class AndroidOptions(ApiOptions, SignedOptions):
    """An Android phone with the app SMS Gateway for Android (sms-gate.app)."""

    secret: Secrets = Field(
        default=None,
        description="the app's Settings, Webhooks, Signing Key; several while it is being replaced",
        examples=["(what the app shows)"],
    )
    clock_tolerance: Length = Field(
        default=timedelta(minutes=5),
        description="how far the phone's clock may be off before its signatures count as too old or too new",
        examples=["30m"],
    )
    send_url: str | None = Field(
        default="https://api.sms-gate.app/3rdparty/v1/messages",
        description="where messages are posted: the app's cloud, a server of your own, or the phone itself, "
        "`http://<phone>:8080/message`, which needs SMSGW_ALLOW_PRIVATE_WEBHOOKS. Redirects are not followed",
        examples=["http://192.168.1.10:8080/message"],
    )
    username: str = Field(description="as the app shows it", examples=["HKJ3QT"])
    password: SecretStr = Field(description="as the app shows it", examples=["(what the app shows)"])
    device_id: str | None = Field(
        default=None,
        description="id of the phone, as the app shows it. With it the cloud takes a message once, however often it is "
        "posted, so attempts without an answer are repeated",
        examples=["yVULogr4Y1ksRfnos1Dsw"],
    )
    sim: int | None = Field(
        default=None, ge=1, le=3, description="SIM card to send from; unset: the app chooses", examples=[2]
    )

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        yield from super().problems(name, production=production, private=private)
        if not self.single_number:
            yield f"providers.{name}.single_number: must be true, as a phone has one number and no extensions"
        if self.sender is not None:
            yield f"providers.{name}.sender: must be unset, as messages come from the phone's own number"
        if self.public_url is not None:
            yield f"providers.{name}.public_url: must be unset, as the app is told by hand where it reports to"


class _Payload(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: Annotated[str, Field(alias="messageId", min_length=1, max_length=200)]


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, Field(max_length=200)] = ""
    device_id: Annotated[str, Field(alias="deviceId")] = ""
    event: str
    payload: dict[str, object]


class _Received(_Payload):
    message: str
    sender: str | None = None
    phone_number: Annotated[str | None, Field(alias="phoneNumber")] = None
    recipient: str | None = None
    received_at: Annotated[str, Field(alias="receivedAt")] = ""


class _Fate(_Payload):
    parts: Annotated[int | None, Field(alias="partsCount", ge=1, le=_MOST_PARTS)] = None
    reason: str | None = None


class _Taken(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=200)]


_PayloadT = TypeVar("_PayloadT", bound=_Payload)


class AndroidProvider(ApiProvider):
    """A phone: it posts events, one a request, and takes messages as JSON with basic auth."""

    kind = "android-sms-gateway"
    options: ClassVar[type[ProviderOptions]] = AndroidOptions

    def __init__(self, name: str, options: AndroidOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._keys = [key.encode() for key in options.secrets()]
        self._tolerance = options.clock_tolerance.total_seconds()
        self._url = httpx.URL(options.send_url or "")
        pair = f"{options.username}:{options.password.get_secret_value()}"
        self._headers = {
            "content-type": "application/json",
            "authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
        }
        place = {"deviceId": options.device_id, "simNumber": options.sim}
        self._place = {key: value for key, value in place.items() if value is not None}
        self._knows_reference = options.device_id is not None
        self.resends_unknown = self.resends_unknown or self._knows_reference
        self.can_send = options.send_url is not None

    # ---- in

    @override
    def authenticate(self, request: WebhookRequest) -> None:
        """Check ``X-Signature``, if there is a signing key: the HMAC-SHA256 of the body and ``X-Timestamp``."""
        if not self._keys:
            return
        at = request.headers.get("x-timestamp", "")
        given = request.headers.get("x-signature", "").lower()
        signed = request.body + at.encode()
        if not is_one_of(given, [hmac.new(key, signed, hashlib.sha256).hexdigest() for key in self._keys]):
            raise NotAuthenticError("X-Signature is missing or wrong; set secret to the app's signing key.")
        if not is_fresh(at, self._tolerance):
            raise NotAuthenticError("X-Timestamp is too old or too new; set the phone's clock, or clock_tolerance.")

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the message of ``sms:received``; none for events that are not about messages.

        The app posts a message twice at times, under another envelope id and with the same id and time.
        """
        event = _event(request.body)
        if event.event in _STATUSES:
            raise MalformedRequestError(f"{event.event}: register this event for …/status, not for …/inbound.")
        if event.event != _RECEIVED:
            return []
        found = _payload(_Received, event)
        sender = found.sender or found.phone_number
        if not sender:
            raise MalformedRequestError("payload.sender is missing.")
        known_by = f"{event.device_id}\x1f{found.message_id}\x1f{sender}\x1f{found.received_at}"
        message_id = hashlib.sha256(known_by.encode("utf-8", "surrogatepass")).hexdigest()
        stamp = read_stamp(found.received_at, self.zone)
        # The number of a SIM card is often unknown to the phone.
        return InboundMessage(message_id, sender, found.recipient or "phone", found.message, stamp.at)

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the report of an event; none for those without one.

        ``sms:sent`` says how many parts there are, and ``sms:delivered`` comes once for each of them.
        """
        event = _event(request.body)
        status = _STATUSES.get(event.event)
        if status is None:
            if event.event == _RECEIVED:
                raise MalformedRequestError(f"{_RECEIVED}: register this event for …/inbound, not for …/status.")
            return []
        fate = _payload(_Fate, event)
        at = next((event.payload[name] for name in _TIMES if name in event.payload), None)
        return [
            DeliveryReport(
                fate.message_id,
                status,
                fate.reason[:200] if fate.reason else None,
                read_stamp(at, self.zone).at,
                reference=fate.message_id,
                part_key=(event.id or str(at)) if status is OutboundStatus.DELIVERED else None,
                segments=fate.parts,
            )
        ]

    # ---- out

    @override
    def call(self, item: Submission) -> Call:
        body = {
            "id": item.reference,
            "textMessage": {"text": item.text},
            "phoneNumbers": [item.recipient],
            "withDeliveryReport": True,
            "validUntil": item.valid_until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "priority": _AT_ONCE if item.lane == Lane.PROMPT else _IN_TURN,
            **self._place,
        }
        return Call(self._url, self._headers, to_json(body))

    @override
    def result(self, item: Submission, answer: HttpAnswer) -> SendResult:
        if answer.status == _KNOWN:
            return Accepted(item.reference)
        if answer.status not in _TAKEN:
            return result_of_status(answer, _SETTINGS, knows_reference=self._knows_reference)
        try:
            return Accepted(_Taken.model_validate_json(answer.body or b"").id)
        except ValidationError:
            return Accepted(item.reference)


def _event(body: bytes) -> _Event:
    try:
        return _Event.model_validate_json(body)
    except ValidationError as error:
        raise MalformedRequestError.of(error) from None


def _payload(model: type[_PayloadT], event: _Event) -> _PayloadT:
    try:
        return model.model_validate(event.payload)
    except ValidationError as error:
        raise MalformedRequestError.of(error, "payload") from None
