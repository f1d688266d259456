"""The ``kannel`` carrier: Kannel in front of the network. It gets its URLs from us: see docs/carriers/kannel.md.

Source: Kannel 1.4.5 User Guide, "Using HTTP to send SMS", "Parameters (escape codes)", "Delivery reports"; gw/smsbox.c.
"""

import re
import uuid
from collections.abc import Iterator
from typing import ClassVar

import httpx
from pydantic import Field
from typing_extensions import override

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.parts import PartOf
from app.options import ProviderOptions
from app.providers.answers import result_of_status
from app.providers.apis.calling import ApiOptions, ApiProvider, Call, HeaderSecret, HeaderText, seconds_left
from app.providers.apis.forms import Pairs, needed, pairs_of, texts_of
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission, Surroundings
from app.providers.generic_in import fingerprint
from app.providers.http import HttpAnswer
from app.providers.parts import part_of_header
from app.providers.requests import MalformedRequestError, WebhookRequest
from app.providers.stamps import read_stamp
from app.providers.webhook import Answer, Invalid

_ACCEPTED, _FORBIDDEN = 202, 403
_TAKEN = (b"0:", b"3:")
_WRONG_PASSWORD = b"Authorization failed"
# Events: delivered 1, failed 2, accepted by the SMSC 8, refused by it 16; not queued, 4, from which nothing follows.
_EVENTS = "27"
# The bits of %d, the first that is set decides; with FAILED, newer versions say why.
_DELIVERED, _FAILED, _AT_SMSC, _REFUSED, _IS_EXPIRED, _IS_UNKNOWN = 1, 2, 8, 16, 32, 64
_SMSC_WORD = re.compile(rb"\b(stat|err):([0-9A-Za-z]{1,10})\b")
_MOST_MINUTES = 10080
_UCS2 = "2"
# The codec for what Kannel writes for %C; others count as missing.
_CODECS = {
    "utf-8": "utf-8",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
    "iso-8859-1": "latin-1",
    "windows-1252": "cp1252",
    "8-bit": "latin-1",
}


class KannelOptions(ApiOptions):
    """Kannel. It does not sign what it sends, so its webhooks need a fence."""

    send_url: str | None = Field(
        default="http://127.0.0.1:13013/cgi-bin/sendsms",
        description="URL of smsbox's sendsms; http needs SMSGW_ALLOW_PRIVATE_WEBHOOKS. Redirects are not followed",
        examples=["https://kannel.example/cgi-bin/sendsms"],
    )
    username: HeaderText = Field(description="that of the group sendsms-user", examples=["smsgw"])
    password: HeaderSecret = Field(description="that of the group sendsms-user", examples=["(what sendsms-user has)"])
    smsc: HeaderText | None = Field(
        default=None, description="smsc-id to send through; unset: Kannel chooses", examples=["mobile"]
    )

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        yield from super().problems(name, production=production, private=private)
        if self.public_url is None:
            yield f"providers.{name}.public_url: is missing; Kannel reports to the URL that it gets with each message"


class KannelProvider(ApiProvider):
    """Kannel: MOs and reports by GET, with the parameters that our URLs name; MTs to sendsms.

    No id comes back from sendsms, so the gateway's reference is the id, and stands in ``dlr-url``.
    """

    kind = "kannel"
    options: ClassVar[type[ProviderOptions]] = KannelOptions
    methods: ClassVar[frozenset[str]] = frozenset({"GET", "POST"})
    # Kannel would send the body of our answer to the subscriber.
    acknowledgement: ClassVar[Answer | None] = Answer(200, b"", b"text/plain")

    def __init__(self, name: str, options: KannelOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._url = httpx.URL(options.send_url or "")
        self._headers = {
            "x-kannel-username": options.username,
            "x-kannel-password": options.password.get_secret_value(),
        }
        if options.smsc is not None:
            self._headers["x-kannel-smsc"] = options.smsc
        self.can_send = options.send_url is not None

    # ---- in

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the message of a request. Its text is octets in ``charset``, with coding 2 by default UTF-16."""
        octets = dict(_parameters(request))
        text, udh = octets.pop("text", b""), octets.pop("udh", b"")
        form = texts_of(list(octets.items()))
        sender, dialled = needed(form, "from", "to")
        said = _decoded(text, form.get("charset", ""), form.get("coding", ""))
        part, at = _part(udh), read_stamp(form.get("ts"), self.zone).at
        theirs = form.get("id")
        known = f"{form.get('smsc', '')}.{theirs}" if theirs else fingerprint(sender, dialled, said, at, part)
        return InboundMessage((known or f"new-{uuid.uuid4()}")[:200], sender, dialled, said, at, part)

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the report of a request; none while the message is queued."""
        octets = dict(_parameters(request))
        reply = octets.pop("reply", b"")
        form = texts_of(list(octets.items()))
        reference, given = needed(form, "reference", "status")
        if not (given.isascii() and given.isdecimal() and len(given) <= len("127")):
            raise MalformedRequestError("status must be %d, a number.")
        status = _status(int(given))
        if status is None:
            return []
        words = dict(_SMSC_WORD.findall(reply))
        code = " ".join(words[name].decode() for name in (b"stat", b"err") if name in words)
        is_bad = status not in (OutboundStatus.DELIVERED, OutboundStatus.ACCEPTED)
        at = read_stamp(form.get("ts"), self.zone).at
        return [DeliveryReport(reference[:200], status, (code or None) if is_bad else None, at, reference)]

    # ---- out

    @override
    def call(self, item: Submission) -> Call:
        """Post the text with Kannel's headers: in a query it would be in the logs of proxies."""
        headers = {
            **self._headers,
            "content-type": "text/plain; charset=UTF-8",
            "x-kannel-from": self.sender_of(item),
            "x-kannel-to": item.recipient,
            "x-kannel-coding": _UCS2 if item.encoding == "ucs2" else "0",
        }
        if (minutes := seconds_left(item) // 60) in range(1, _MOST_MINUTES):
            headers["x-kannel-validity"] = str(minutes)
        if url := self.reports_url(reference=item.reference):
            headers["x-kannel-dlr-mask"] = _EVENTS
            headers["x-kannel-dlr-url"] = f"{url}&status=%d&reply=%A&smsc=%i&ts=%T"
        return Call(self._url, headers, item.text.encode("utf-8", "replace"))

    @override
    def result(self, item: Submission, answer: HttpAnswer) -> SendResult:
        said = (answer.body or b"").strip()
        if answer.status == _ACCEPTED and said.startswith(_TAKEN):
            return Accepted(item.reference)
        code = f"HTTP {answer.status}"
        if answer.status == _FORBIDDEN and said.startswith(_WRONG_PASSWORD):
            return RefusedForNow(f"{code} Authorization failed", setting="username, password")
        if answer.status == _FORBIDDEN:
            return Refused(code)
        return result_of_status(answer, {401: "username, password"}, knows_reference=False)


def _parameters(request: WebhookRequest) -> Pairs:
    return pairs_of(request.query) + (pairs_of(request.body) if request.body else [])


def _decoded(octets: bytes, charset: str, coding: str) -> str:
    """Return a text. What cannot be decoded becomes U+FFFD: Kannel would not send the message again."""
    codec = _CODECS.get(charset.strip().lower(), "utf-16-be" if coding == _UCS2 else "utf-8")
    return octets.decode(codec, "replace")


def _part(udh: bytes) -> PartOf | None:
    try:
        return part_of_header(udh.hex()) if udh else None
    except MalformedRequestError:
        return None


def _status(bits: int) -> OutboundStatus | None:
    if bits & _DELIVERED:
        return OutboundStatus.DELIVERED
    if bits & _FAILED:
        if bits & _IS_EXPIRED:
            return OutboundStatus.EXPIRED
        return OutboundStatus.UNKNOWN if bits & _IS_UNKNOWN else OutboundStatus.UNDELIVERED
    if bits & _REFUSED:
        return OutboundStatus.REJECTED
    return OutboundStatus.ACCEPTED if bits & _AT_SMSC else None
