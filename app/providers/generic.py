"""The ``generic`` adapter: JSON over HTTP in both directions (http-api.md)."""

from collections.abc import Sequence

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import override

from app.addresses import address_of
from app.domain.values import value
from app.providers.base import (
    Accepted,
    DeliveryReport,
    InboundMessage,
    Invalid,
    Provider,
    ProviderSettings,
    Refused,
    RefusedForNow,
    SendResult,
    Submission,
    Surroundings,
    Unknown,
)
from app.providers.bodies import answer_as_utf8, as_utf8
from app.providers.generic_in import LONGEST_ID, Integer, Reader
from app.providers.http import HttpAnswer, HttpPoster
from app.providers.requests import WebhookRequest
from app.providers.signatures import Signatures

_TAKEN = range(200, 300)
_MOVED = range(300, 400)
_BAD_REQUEST = range(400, 500)
_CONFLICT = 409
_TOO_MANY = 429
_NOT_NOW = frozenset({408, 425, _TOO_MANY, *range(500, 600)})


class AcceptedBody(BaseModel):
    """The answer of a carrier that took an MT."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: str | Integer = Field(description="the provider's id of our MT")


_ACCEPTED_BODY = TypeAdapter(AcceptedBody)


@value
class SendTo:
    """Where messages are posted to; ``resend_unknown``: messages that may have arrived are sent again."""

    url: httpx.URL
    http: HttpPoster
    resend_unknown: bool = False


class GenericProvider(Provider):
    """Any carrier, aggregator or test that posts JSON, and takes it if ``send_to`` is set."""

    kind = "generic"

    def __init__(self, name: str, secrets: Sequence[str] = (), send_to: SendTo | None = None) -> None:
        """Without secrets nothing is signed in either direction. Raise ValueError for a malformed secret."""
        super().__init__(name)
        self._signatures = Signatures(secrets) if secrets else None
        self._send_to = send_to
        self.can_send = send_to is not None
        self.resends_unknown = send_to is not None and send_to.resend_unknown

    @override
    @classmethod
    def make(cls, settings: ProviderSettings, around: Surroundings) -> Provider:
        """Return an adapter that can send if the settings have a ``send_url``."""
        send_to = None
        if settings.send_url is not None:
            http = HttpPoster(around.transport, settings.timeout_seconds)
            send_to = SendTo(address_of(settings.send_url), http, settings.resend_unknown)
        return cls(settings.name, settings.secrets, send_to)

    @override
    def authenticate(self, request: WebhookRequest) -> None:
        """Check the signature, if there are secrets: of the body as it came, or of the decompressed one."""
        if self._signatures is not None:
            compressed = () if request.compressed is None else (request.compressed,)
            self._signatures.check(request.headers, request.body, *compressed)

    # ---- out

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Post each message in a request of its own; ``most_per_call`` is 1."""
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
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the MO of an object, or those of an array of up to 500 items."""
        # By Standard Webhooks, all attempts of a request have the same id.
        given_id = request.headers.get("webhook-id", "") if self._signatures else ""
        return Reader(self.zone).inbound(as_utf8(request.body, request.headers), given_id)

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the report of an object, or those of an array; reports without a usable id are left out."""
        return Reader(self.zone).reports(as_utf8(request.body, request.headers))


def _result(answer: HttpAnswer) -> SendResult:
    """Return the result that an answer stands for (http-api.md, the settings file).

    Cases that the document leaves open: a redirect is not followed, so nothing was taken, and a later try may find the
    carrier corrected. A conflict may mean that the carrier has this reference already; like a success without an id, it
    is unknown. Any other 4xx is final.
    """
    code = f"HTTP {answer.status}"
    if answer.status in _TAKEN:
        theirs = _their_id(answer)
        return Accepted(theirs) if theirs else Unknown(f"{code} without a message_id")
    if answer.status in _NOT_NOW:
        return RefusedForNow(code, answer.retry_after(), throttled=answer.status == _TOO_MANY)
    if answer.status in _MOVED:
        return RefusedForNow(f"{code}: redirects are not followed")
    if answer.status in _BAD_REQUEST and answer.status != _CONFLICT:
        return Refused(code)
    return Unknown(code)


def _their_id(answer: HttpAnswer) -> str | None:
    try:
        found = str(_ACCEPTED_BODY.validate_json(answer_as_utf8(answer.body or b"", answer.headers)).message_id)
    except ValidationError:
        return None
    return found if 0 < len(found) <= LONGEST_ID and "\x00" not in found else None
