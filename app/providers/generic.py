"""The ``generic`` adapter: JSON over HTTP in both directions (http-api.md, webhooks)."""

from collections.abc import Sequence
from typing import ClassVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic_core import to_json
from typing_extensions import override

from app.addresses import address_of
from app.domain.credentials import signing_violation
from app.domain.messages import DeliveryReport, InboundMessage
from app.options import ProviderOptions, Secrets, check_secrets
from app.providers.answers import result_of_status, result_without_answer
from app.providers.base import Accepted, SendResult, Submission, Surroundings, Unknown
from app.providers.bodies import answer_as_utf8, as_utf8
from app.providers.generic_in import LONGEST_ID, Integer, Reader
from app.providers.http import HttpAnswer, HttpPoster
from app.providers.requests import WebhookRequest
from app.providers.signatures import Signatures
from app.providers.webhook import Invalid, SignedOptions, WebhookProvider

_TAKEN = range(200, 300)
_SETTINGS = {401: "secret", 403: "secret", 404: "send_url"}


class AcceptedBody(BaseModel):
    """The answer of a carrier that took an MT."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: str | Integer = Field(description="the provider's id of our MT")


_ACCEPTED_BODY = TypeAdapter(AcceptedBody)


class GenericOptions(SignedOptions):
    """JSON over HTTP in both directions, for any carrier, aggregator or test."""

    secret: Secrets = Field(
        default=None,
        description="whsec_ and 16 or more random bytes in base64, to sign outgoing requests and verify incoming ones; "
        "several, the newest first, while one is being replaced",
        examples=["whsec_…"],
    )

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, value: Secrets) -> Secrets:
        return check_secrets(value, signing_violation)


class GenericProvider(WebhookProvider):
    """Any carrier, aggregator or test that posts JSON, and takes it if ``send_url`` is set."""

    kind = "generic"
    options: ClassVar[type[ProviderOptions]] = GenericOptions

    def __init__(self, name: str, options: GenericOptions, around: Surroundings) -> None:
        """Without secrets nothing is signed in either direction."""
        super().__init__(name, options, around)
        self._signatures = Signatures(options.secrets()) if options.secrets() else None
        self._url = None if options.send_url is None else address_of(options.send_url)
        self._http = HttpPoster(around.transport, options.timeout.total_seconds())
        self.can_send = self._url is not None

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
        if self._url is None:
            return await super().send(submissions)
        return [await self._post(self._url, item) for item in submissions]

    async def _post(self, url: httpx.URL, item: Submission) -> SendResult:
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
        answer = await self._http.post(url, {"content-type": "application/json", **signed}, body)
        return _result(answer) if isinstance(answer, HttpAnswer) else result_without_answer(answer)

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
    """Return the result that an answer stands for (http-api.md, the settings file)."""
    if answer.status not in _TAKEN:
        return result_of_status(answer, _SETTINGS, knows_reference=True)
    theirs = _their_id(answer)
    return Accepted(theirs) if theirs else Unknown(f"HTTP {answer.status} without a message_id")


def _their_id(answer: HttpAnswer) -> str | None:
    try:
        found = str(_ACCEPTED_BODY.validate_json(answer_as_utf8(answer.body or b"", answer.headers)).message_id)
    except ValidationError:
        return None
    return found if 0 < len(found) <= LONGEST_ID and "\x00" not in found else None
