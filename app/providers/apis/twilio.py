"""The ``twilio`` carrier: signed forms in, forms out.

Source: twilio.com/docs, "Messaging webhooks", "Webhooks security", "Message resource", "Error and warning dictionary".
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Annotated, ClassVar
from urllib.parse import urlencode, urlsplit

import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError
from typing_extensions import override

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.options import ProviderOptions
from app.providers.answers import result_of_status
from app.providers.apis.calling import ApiOptions, ApiProvider, Call, seconds_left
from app.providers.apis.forms import needed, pairs_of, texts_of
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission, Surroundings, Unknown
from app.providers.http import HttpAnswer
from app.providers.proofs import is_one_of
from app.providers.requests import NotAuthenticError, WebhookRequest
from app.providers.webhook import Answer, Invalid, SignedOptions

_API = "https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages.json"
_CREDENTIALS, _SENDER = "account_sid, secret", "sender, messaging_service_sid"
_TAKEN = 201
_DEFAULT_PORTS = {"https": 443, "http": 80}
_THROTTLED = 20429
_REFUSED = frozenset({21610, 21211, 21614, 21408, 21612, 21635})
_SETTINGS = {20003: _CREDENTIALS, 21606: _SENDER, 21659: _SENDER}
_STATUSES = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), OutboundStatus.ACCEPTED),
    **dict.fromkeys(("delivered", "read"), OutboundStatus.DELIVERED),
    "undelivered": OutboundStatus.UNDELIVERED,
    "failed": OutboundStatus.FAILED,
    "canceled": OutboundStatus.DELETED,
}
_LONGEST_VALIDITY = 36_000


class TwilioOptions(ApiOptions, SignedOptions):
    """Twilio Programmable Messaging."""

    secret: SecretStr | list[SecretStr] = Field(
        description="the auth token, which opens the API and signs Twilio's requests; several, the newest first, while "
        "it is being replaced",
        examples=["(the primary auth token in Twilio's console)"],
    )
    account_sid: str = Field(
        pattern=r"^AC[0-9A-Za-z]+$", description="id of the account", examples=["ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    )
    messaging_service_sid: str | None = Field(
        default=None,
        pattern=r"^MG[0-9A-Za-z]+$",
        description="id of the messaging service to send through, instead of sender",
        examples=["MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    )
    send_url: str | None = Field(
        default=None,
        description="URL that messages are posted to; unset: that of the account. Redirects are not followed",
        examples=["https://api.ie1.twilio.com/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Messages.json"],
    )

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        yield from super().problems(name, production=production, private=private)
        if self.sender is None and self.messaging_service_sid is None:
            yield f"providers.{name}.sender: is missing; set the number that you rent, or messaging_service_sid"
        if self.public_url is None:
            yield f"providers.{name}.public_url: is missing; Twilio signs the URL that it calls, and reports to it"


class _Message(BaseModel):
    sid: Annotated[str, Field(min_length=1, max_length=200)]


class _Error(BaseModel):
    code: int


class TwilioProvider(ApiProvider):
    """Twilio: it knows no key of ours, so a lost answer is unknown; the report to its own URL settles it."""

    kind = "twilio"
    options: ClassVar[type[ProviderOptions]] = TwilioOptions
    # An answer to an MO may hold messages to send; this one holds none.
    acknowledgement: ClassVar[Answer | None] = Answer(200, b"<Response/>", b"text/xml")

    def __init__(self, name: str, options: TwilioOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._tokens = [token.encode() for token in options.secrets()]
        self._url = httpx.URL(options.send_url or _API.format(sid=options.account_sid))
        self._public = options.public_url or ""
        self._service = options.messaging_service_sid
        pair = f"{options.account_sid}:{options.secrets()[0]}"
        self._headers = {
            "content-type": "application/x-www-form-urlencoded",
            "authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
        }

    # ---- in

    @override
    def authenticate(self, request: WebhookRequest) -> None:
        """Check ``X-Twilio-Signature``: the HMAC-SHA1 of the URL as Twilio called it, and of the form's fields."""
        fields: dict[str, set[bytes]] = {}
        for name, field in pairs_of(request.body):
            fields.setdefault(name, set()).add(field)
        signed = b"".join(name.encode("latin-1") + field for name in sorted(fields) for field in sorted(fields[name]))
        expected = [
            base64.b64encode(hmac.new(token, url.encode() + signed, hashlib.sha1).digest()).decode()
            for token in self._tokens
            for url in _spellings(self._called(request))
        ]
        if not is_one_of(request.headers.get("x-twilio-signature", ""), expected):
            raise NotAuthenticError("X-Twilio-Signature is missing or wrong; see the settings secret and public_url.")

    def _called(self, request: WebhookRequest) -> str:
        """Return the URL that Twilio called: a proxy may have changed scheme, host and port."""
        _, _, path = request.url.partition("://")[2].partition("/")
        return f"{self._public}/{path}"

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the message of a form; Twilio joins parts, and gives no time."""
        form = texts_of(pairs_of(request.body))
        message_id, sender, dialled = needed(form, "MessageSid", "From", "To")
        return InboundMessage(message_id[:200], sender, dialled, form.get("Body", ""))

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the report of a form; none for an unknown status."""
        form = texts_of(pairs_of(request.body))
        message_id, given = needed(form, "MessageSid", "MessageStatus")
        status = _STATUSES.get(given.lower())
        if status is None:
            return []
        reference = texts_of(pairs_of(request.query)).get("reference")
        return [DeliveryReport(message_id[:200], status, form.get("ErrorCode") or None, reference=reference)]

    # ---- out

    @override
    def call(self, item: Submission) -> Call:
        form = {"To": item.recipient, "Body": item.text}
        if self._service is None:
            form["From"] = self.sender_of(item)
        else:
            form["MessagingServiceSid"] = self._service
        if url := self.reports_url(reference=item.reference):
            form["StatusCallback"] = url
        if (seconds := seconds_left(item)) in range(1, _LONGEST_VALIDITY):
            form["ValidityPeriod"] = str(seconds)
        return Call(self._url, self._headers, urlencode(form, errors="replace").encode())

    @override
    def result(self, item: Submission, answer: HttpAnswer) -> SendResult:
        if answer.status == _TAKEN:
            try:
                return Accepted(_Message.model_validate_json(answer.body or b"").sid)
            except ValidationError:
                return Unknown(f"HTTP {answer.status} without a sid")
        try:
            number = _Error.model_validate_json(answer.body or b"").code
        except ValidationError:
            number = 0
        code = f"Twilio {number}"
        if number in _REFUSED:
            return Refused(code)
        if number in _SETTINGS:
            return RefusedForNow(code, setting=_SETTINGS[number])
        if number == _THROTTLED:
            return RefusedForNow(code, answer.retry_after(), throttled=True)
        by_status = {401: _CREDENTIALS, 403: _CREDENTIALS, 404: "account_sid, send_url"}
        return result_of_status(answer, by_status, knows_reference=False)


def _spellings(url: str) -> Iterator[str]:
    """Yield a URL with and without the port: Twilio signs either."""
    parts = urlsplit(url)
    host, separator, _ = parts.netloc.rpartition(":")
    rest = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    yield url
    if separator and parts.port is not None:
        yield f"{parts.scheme}://{host}{rest}"
    elif parts.scheme in _DEFAULT_PORTS:
        yield f"{parts.scheme}://{parts.netloc}:{_DEFAULT_PORTS[parts.scheme]}{rest}"
