"""The ``vonage`` carrier: its SMS API. Forms, queries or JSON in, forms out; every segment has an id of its own.

Source: developer.vonage.com, "SMS API", "Inbound SMS", "Delivery receipts", "Signing messages", "Troubleshooting SMS".
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError
from typing_extensions import override

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.parts import PartOf
from app.options import ProviderOptions
from app.providers.answers import result_of_status
from app.providers.apis.calling import ApiOptions, ApiProvider, Call, seconds_left
from app.providers.apis.forms import needed, pairs_of, texts_of
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission, Surroundings, Unknown
from app.providers.http import HttpAnswer
from app.providers.parts import part_of_fields
from app.providers.proofs import is_fresh, is_one_of
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from app.providers.stamps import read_stamp
from app.providers.webhook import Answer, Invalid, SignedOptions

_TOLERANCE_SECONDS = 5 * 60
# Plain MD5 of the parameters and the secret, and HMACs with the secret as the key.
_MD5 = "md5hash"
_OK, _GOOD, _THROTTLED = 200, "0", "1"
_NOT_NOW = frozenset({"5", "9", "10"})
_SETTINGS = {
    "2": "api_key, api_secret",
    "4": "api_key, api_secret",
    "8": "api_key",
    "11": "api_key",
    "14": "api_secret",
    "15": "sender",
    "23": "public_url",
    "32": "api_secret",
}
_STATUSES = {
    "accepted": OutboundStatus.ACCEPTED,
    "buffered": OutboundStatus.ACCEPTED,
    "delivered": OutboundStatus.DELIVERED,
    "expired": OutboundStatus.EXPIRED,
    "failed": OutboundStatus.FAILED,
    "rejected": OutboundStatus.REJECTED,
    "deleted": OutboundStatus.DELETED,
    "unknown": OutboundStatus.UNKNOWN,
}
# In values that are signed.
_REPLACED = str.maketrans("&=", "__")
# Seconds that a message may be given to be delivered.
_VALIDITIES = range(20, 604_800)


class VonageOptions(ApiOptions, SignedOptions):
    """Vonage, formerly Nexmo: its SMS API."""

    api_key: str = Field(description="of the account", examples=["abcd1234"])
    api_secret: SecretStr = Field(description="of the account", examples=["(what Vonage's dashboard shows)"])
    signature: str = Field(
        default=_MD5,
        pattern="^(md5hash|md5|sha1|sha256|sha512)$",
        description="how Vonage signs with secret, the signature secret: `md5hash` is its MD5 hash signature, the "
        "others are HMACs. Vonage's support switches signing on",
        examples=["sha256"],
    )
    send_url: str | None = Field(
        default="https://rest.nexmo.com/sms/json",
        description="URL that messages are posted to. Redirects are not followed",
        examples=["https://rest.nexmo.com/sms/json"],
    )

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        yield from super().problems(name, production=production, private=private)
        if self.sender is None:
            yield f"providers.{name}.sender: is missing; set the number or name that you rent"


class _Part(BaseModel):
    status: str
    message_id: Annotated[str | None, Field(alias="message-id")] = None


class _Sent(BaseModel):
    messages: Annotated[list[_Part], Field(min_length=1)]


class VonageProvider(ApiProvider):
    """Vonage: what it posts may be a form, a query or JSON, as its dashboard says."""

    kind = "vonage"
    options: ClassVar[type[ProviderOptions]] = VonageOptions
    methods: ClassVar[frozenset[str]] = frozenset({"GET", "POST"})
    acknowledgement: ClassVar[Answer | None] = Answer(200, b"", b"text/plain")

    def __init__(self, name: str, options: VonageOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._secrets = options.secrets()
        self._signature = options.signature
        self._url = httpx.URL(options.send_url or "")
        self._account = {"api_key": options.api_key, "api_secret": options.api_secret.get_secret_value()}
        self.can_send = options.send_url is not None

    # ---- in

    @override
    def authenticate(self, request: WebhookRequest) -> None:
        """Check ``sig`` over all other parameters, if there is a signature secret, and the age of ``timestamp``."""
        if not self._secrets:
            return
        form = _parameters(request)
        given = form.pop("sig", "").lower()
        if not is_one_of(given, [_signature(form, self._signature, secret) for secret in self._secrets]):
            raise NotAuthenticError("sig is missing or wrong; see the settings secret and signature.")
        if not is_fresh(form.get("timestamp", ""), _TOLERANCE_SECONDS):
            raise NotAuthenticError("timestamp is missing, or more than 5 minutes old or ahead.")

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the message, or the part of one; none for data that is no text."""
        form = _parameters(request)
        message_id, sender, dialled = needed(form, "messageId", "msisdn", "to")
        if form.get("type") == "binary":
            return []
        # Numbers are international, without a plus.
        sender = f"+{sender}" if sender.isascii() and sender.isdecimal() else sender
        at = read_stamp(form.get("message-timestamp"), UTC).at
        return InboundMessage(message_id[:200], sender, dialled, form.get("text", ""), at, _part(form))

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the report on a segment; none for an unknown status."""
        form = _parameters(request)
        message_id, given = needed(form, "messageId", "status")
        status = _STATUSES.get(given.lower())
        if status is None:
            return []
        code, theirs = form.get("err-code", ""), message_id[:200]
        return [
            DeliveryReport(
                theirs,
                status,
                None if code in ("", "0") else code[:200],
                _moment(form.get("scts", "")),
                reference=form.get("client-ref") or None,
                # If the answer with the ids got lost, reports still are on different segments.
                part_key=theirs,
            )
        ]

    # ---- out

    @override
    def call(self, item: Submission) -> Call:
        form = {
            **self._account,
            "from": self.sender_of(item).removeprefix("+"),
            "to": item.recipient.removeprefix("+"),
            "text": item.text,
            "type": "unicode" if item.encoding == "ucs2" else "text",
            "client-ref": item.reference,
            "status-report-req": "1",
        }
        if url := self.reports_url():
            form["callback"] = url
        if (seconds := seconds_left(item)) in _VALIDITIES:
            form["ttl"] = str(seconds * 1000)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return Call(self._url, headers, urlencode(form, errors="replace").encode())

    @override
    def result(self, item: Submission, answer: HttpAnswer) -> SendResult:
        """Return the result by the statuses of the segments: HTTP says 200 to refusals, too."""
        if answer.status != _OK:
            settings = dict.fromkeys((401, 403), "api_key, api_secret")
            return result_of_status(answer, {**settings, 404: "send_url"}, knows_reference=False)
        try:
            parts = _Sent.model_validate_json(answer.body or b"").messages
        except ValidationError:
            return Unknown(f"HTTP {answer.status} without statuses")
        ids = tuple(part.message_id for part in parts if part.status == _GOOD and part.message_id)
        bad = next(((number, part.status) for number, part in enumerate(parts, 1) if part.status != _GOOD), None)
        if bad is None:
            if len(ids) < len(parts):
                return Unknown("status 0 without a message-id")
            return Accepted(ids[0], ids)
        number, status = bad
        return _refusal(status[:10]) if not ids else Refused(f"status {status[:10]}, part {number} of {len(parts)}")


def _refusal(status: str) -> SendResult:
    code = f"status {status}"
    if status in _SETTINGS:
        return RefusedForNow(code, setting=_SETTINGS[status])
    if status == _THROTTLED or status in _NOT_NOW:
        return RefusedForNow(code, throttled=status == _THROTTLED)
    return Refused(code)


def _parameters(request: WebhookRequest) -> dict[str, str]:
    """Return the parameters of a query, a form or a flat JSON object. Raise MalformedRequestError."""
    found = texts_of(pairs_of(request.query))
    if not request.body.lstrip().startswith((b"{", b"[")):
        return {**found, **texts_of(pairs_of(request.body))}
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        raise MalformedRequestError("The body is no JSON in UTF-8.") from None
    if not isinstance(given, dict):
        raise MalformedRequestError("The body must be one JSON object.")
    return {**found, **{name: _text(value) for name, value in given.items() if isinstance(value, str | int | bool)}}


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _signature(form: Mapping[str, str], method: str, secret: str) -> str:
    """Return the hex signature of parameters: sorted by name, ``&`` and ``=`` in values replaced."""
    plain = "".join(f"&{name}={form[name].translate(_REPLACED)}" for name in sorted(form))
    if method == _MD5:
        return hashlib.md5(f"{plain}{secret}".encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324  Vonage's choice
    return hmac.new(secret.encode(), plain.encode("utf-8", "surrogatepass"), method).hexdigest()


def _part(form: Mapping[str, str]) -> PartOf | None:
    """Return which part a message is; None if it is whole, or if its numbers cannot be right."""
    if form.get("concat", "").lower() != "true":
        return None
    ref, total, number = (_number(form.get(f"concat-{name}", "")) for name in ("ref", "total", "part"))
    try:
        return part_of_fields(ref, total, number)
    except MalformedRequestError:
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("65535") else None


def _moment(scts: str) -> datetime | None:
    """Return the time of a receipt: YYMMDDHHMM, UTC."""
    try:
        return datetime.strptime(scts[:10], "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
