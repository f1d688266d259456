"""The webhooks for inbound messages and delivery reports.

They are a plain ASGI endpoint because they are the hot path (ADR 0005). ``webhook_document.py`` describes them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app import observability
from app.db.session import StorageUnavailableError
from app.domain.escape import escape
from app.domain.masking import masked
from app.providers.base import (
    Answer,
    DeliveryReport,
    InboundMessage,
    InboundResult,
    Invalid,
    MalformedRequestError,
    Provider,
    item_result,
)
from app.providers.bodies import MOST_BYTES, UnreadableBodyError, decompress, is_array
from app.providers.requests import NotAuthenticError, WebhookRequest
from app.services import intake
from app.services.delivery.receipts import Receipts, Report
from app.services.intake import IncomingMessage, Intake, IntakeStatus
from app.web import problems
from app.web.limits import whole_body

_MAX_MESSAGE_BYTES = 64 * 1024
_TOO_LARGE = "At most 64 KiB, or 1 MiB for an array."
_NOTHING_READ = "None of these messages could be read, and nothing was stored; see results."
_PROBLEM = problems.MEDIA_TYPE.encode()
log = observability.logger(__name__)


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


_Handler = Callable[[Provider, WebhookRequest], Awaitable[Answer]]


class Webhooks:
    """``POST /webhooks/{provider}/inbound`` and ``/status`` (http-api.md, webhooks).

    With a path token the path is ``/webhooks/{provider}/{path_token}/inbound``.
    """

    def __init__(self, providers: Mapping[str, Provider], intake: Intake, receipts: Receipts) -> None:
        self._providers = providers
        self._intake = intake
        self._receipts = receipts
        self._handlers: Mapping[str, _Handler] = {"inbound": self._inbound, "status": self._status}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer, more = await self._answer(scope, receive)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
            *more,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Answer, Sequence[tuple[bytes, bytes]]]:
        more: list[tuple[bytes, bytes]] = []
        try:
            provider, handler, token = self._route(scope)
            request = _request(scope, await _read(receive), token)
            provider.admit(request)
            _check_size(request.body)
            return await handler(provider, request), more
        except _RefusedError as refusal:
            status, detail = refusal.status, str(refusal)
            more += refusal.headers
        except NotAuthenticError as error:
            status, detail = 401, str(error)
        except UnreadableBodyError as error:
            status, detail = error.status, str(error)
        except MalformedRequestError as error:
            status, detail = 422, str(error)
        except StorageUnavailableError:
            status, detail = 503, "The database is away; send it again."
            more.append((b"retry-after", b"5"))
        except Exception:  # no middleware around this endpoint would catch it
            log.exception("a webhook failed")
            status, detail = 500, "Something went wrong on our side; send it again."
        return Answer(status, problems.body_of(status, detail), _PROBLEM), more

    def _route(self, scope: Scope) -> tuple[Provider, _Handler, str]:
        match scope["path"].strip("/").split("/")[1:]:
            case [name, direction]:
                token = ""
            case [name, token, direction]:
                pass
            case _:
                name = direction = token = ""
        provider, handler = self._providers.get(name), self._handlers.get(direction)
        if provider is None or handler is None:
            raise _RefusedError(404, "There is no such provider or webhook; see the settings file.")
        if scope["method"] not in provider.methods:
            allowed = ", ".join(sorted(provider.methods))
            raise _RefusedError(405, f"This webhook is called by {allowed}.", (b"allow", allowed.encode()))
        return provider, handler, token

    async def _inbound(self, provider: Provider, request: WebhookRequest) -> Answer:
        found = provider.parse_inbound(request)
        if isinstance(found, InboundMessage):
            stored = await self._intake.store([_message(provider, found)])
            return provider.answer_one(_result(stored[0]))
        good = [item for item in found if isinstance(item, InboundMessage)]
        bad = [item for item in found if isinstance(item, Invalid)]
        if bad and not good:
            return Answer(
                422, problems.body_of(422, _NOTHING_READ, results=[item_result(item) for item in bad]), _PROBLEM
            )
        observability.UNUSED.labels("unreadable item").inc(len(bad))
        stored_all = iter(await self._intake.store([_message(provider, item) for item in good]) if good else [])
        return provider.answer_list(
            [item if isinstance(item, Invalid) else _result(next(stored_all)) for item in found]
        )

    async def _status(self, provider: Provider, request: WebhookRequest) -> Answer:
        found = provider.parse_reports(request)
        if not found:
            observability.UNUSED_REPORTS.labels("unreadable").inc()
        items = [_report(provider.name, report) for report in found]
        known = await asyncio.gather(*map(self._receipts.store, items))
        return provider.answer_reports(known=any(known))


def _report(provider: str, report: DeliveryReport) -> Report:
    code = None if report.error_code is None else escape(masked(report.error_code))
    theirs = escape(report.provider_message_id)
    return Report(provider, theirs, report.status, code, report.at, report.reference, report.part)


def _message(provider: Provider, found: InboundMessage) -> IncomingMessage:
    return IncomingMessage(
        provider.name, found.message_id, found.sender, found.dialled, found.text, found.received_at, found.part,
        found.stamp_form, provider.numbers, provider.zone,
    )  # fmt: skip


def _result(stored: intake.IntakeResult) -> InboundResult:
    return InboundResult(stored.id, new=stored.status is IntakeStatus.ACCEPTED)


def _request(scope: Scope, body: bytes, token: str) -> WebhookRequest:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    address = scope["client"][0] if scope.get("client") else ""
    plain = decompress(body, headers.get("content-encoding", ""))
    compressed = None if plain is body else body
    return WebhookRequest(plain, headers, token, address, scope.get("query_string", b""), scope["method"], compressed)


async def _read(receive: Receive) -> bytes:
    """Return the body as it was sent; raise _RefusedError if it is larger than 1 MiB or incomplete."""
    try:
        body = await whole_body(receive, MOST_BYTES)
    except ClientDisconnect:
        raise _RefusedError(400, "The body ended before it was whole; nothing was stored.") from None
    if len(body) > MOST_BYTES:
        raise _RefusedError(413, _TOO_LARGE)
    return body


def _check_size(body: bytes) -> None:
    """Raise _RefusedError if a single message is larger than 64 KiB after decompression; arrays may have 1 MiB."""
    if len(body) > _MAX_MESSAGE_BYTES and not is_array(body):
        raise _RefusedError(413, _TOO_LARGE)
