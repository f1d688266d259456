"""The webhooks for inbound messages and delivery reports.

They are a plain ASGI endpoint because they are the hot path (ADR 0005). ``webhook_document.py`` describes them.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import quote

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app import observability
from app.domain.messages import InboundMessage
from app.domain.storage import StorageUnavailableError
from app.failures import Failures, Kind
from app.providers.base import Inbox, Provider
from app.providers.bodies import MOST_BYTES, UnreadableBodyError, decompress, is_array
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from app.providers.webhook import Answer, Invalid, WebhookProvider, item_result
from app.web import problems
from app.web.middleware.limits import whole_body
from app.web.problem_codes import Code

_MAX_MESSAGE_BYTES = 64 * 1024
_TOO_LARGE = "At most 64 KiB, or 1 MiB for an array."
_NOTHING_READ = "None of these messages could be read, and nothing was stored; see results."
_PROBLEM = problems.MEDIA_TYPE.encode()
log = observability.logger(__name__)


_CODES = {413: Code.BODY_TOO_LARGE, 415: Code.MEDIA_TYPE}


class _RefusedError(Exception):
    def __init__(self, code: Code, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.code = code
        self.headers = headers


_Handler = Callable[[WebhookProvider, Inbox, WebhookRequest], Awaitable[Answer]]


class Webhooks:
    """``POST /webhooks/{provider}/inbound`` and ``/status`` (http-api.md, webhooks).

    With a path token the path is ``/webhooks/{provider}/{path_token}/inbound``.
    """

    def __init__(self, providers: Mapping[str, Provider], inboxes: Mapping[str, Inbox], failures: Failures) -> None:
        """Serve those of the providers that call us; ``inboxes`` are by the same names.

        ``failures`` learns of calls that are not authentic.
        """
        self._failures = failures
        self._providers = {name: one for name, one in providers.items() if isinstance(one, WebhookProvider)}
        self._inboxes = inboxes
        self._seconds = {name: observability.WEBHOOK_SECONDS.labels(name) for name in self._providers}
        for status in ("500", "503"):  # so that the first one is an increase
            observability.HTTP.labels("POST", "/webhooks/{provider}/inbound", status)
        for name in self._providers:
            observability.WEBHOOKS_REFUSED.labels(name)
            failures.expect(Kind.WRONG_SECRET, name)
        self._handlers: Mapping[str, _Handler] = {"inbound": self._inbound, "status": self._status}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.monotonic()
        answer, more = await self._answer(scope, receive)
        if (seconds := self._seconds.get(_provider_in(scope))) is not None:
            seconds.observe(time.monotonic() - began)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
            *more,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Answer, Sequence[tuple[bytes, bytes]]]:
        more: list[tuple[bytes, bytes]] = []
        errors: Sequence[Mapping[str, str]] = ()
        try:
            provider, handler, token = self._route(scope)
            request = _request(scope, await _read(receive), token)
            provider.admit(request)
            self._failures.over(Kind.WRONG_SECRET, provider.name)
            _check_size(request.body)
            return await handler(provider, self._inboxes[provider.name], request), more
        except _RefusedError as refusal:
            code, detail = refusal.code, str(refusal)
            more += refusal.headers
        except NotAuthenticError as error:
            code, detail = Code.SIGNATURE_INVALID, str(error)
            name = _provider_in(scope)
            observability.WEBHOOKS_REFUSED.labels(name).inc()
            self._failures.met(Kind.WRONG_SECRET, name, cause=detail)
        except UnreadableBodyError as error:
            code, detail = _CODES[error.status], str(error)
        except MalformedRequestError as error:
            code, detail, errors = (Code.INVALID_FIELDS if error.errors else Code.UNREADABLE), str(error), error.errors
        except StorageUnavailableError:
            code, detail = Code.DATABASE_AWAY, "The database is away; send it again."
            more.append((b"retry-after", b"5"))
        except Exception:  # no middleware around this endpoint would catch it
            log.exception("a webhook failed")
            code, detail = Code.INTERNAL, "Something went wrong on our side; send it again."
        return Answer(problems.status_of(code), problems.body_of(code, detail, errors), _PROBLEM), more

    def _route(self, scope: Scope) -> tuple[WebhookProvider, _Handler, str]:
        match scope["path"].strip("/").split("/")[1:]:
            case [name, direction]:
                token = ""
            case [name, token, direction]:
                pass
            case _:
                name = direction = token = ""
        provider, handler = self._providers.get(name), self._handlers.get(direction)
        if provider is None or handler is None:
            raise _RefusedError(Code.UNKNOWN_PROVIDER, "There is no such provider or webhook; see the settings file.")
        if scope["method"] not in provider.methods:
            allowed = ", ".join(sorted(provider.methods))
            raise _RefusedError(
                Code.METHOD_NOT_ALLOWED, f"This webhook is called by {allowed}.", (b"allow", allowed.encode())
            )
        return provider, handler, token

    async def _inbound(self, provider: WebhookProvider, inbox: Inbox, request: WebhookRequest) -> Answer:
        found = provider.parse_inbound(request)
        if isinstance(found, InboundMessage):
            [stored] = await inbox.messages([found])
            return provider.answer_one(stored)
        good = [item for item in found if isinstance(item, InboundMessage)]
        bad = [item for item in found if isinstance(item, Invalid)]
        if bad and not good:
            results = [item_result(item) for item in bad]
            code = Code.INVALID_FIELDS
            return Answer(problems.status_of(code), problems.body_of(code, _NOTHING_READ, results=results), _PROBLEM)
        observability.UNUSED.labels("unreadable_item").inc(len(bad))
        stored_items = iter(await inbox.messages(good))
        return provider.answer_list([item if isinstance(item, Invalid) else next(stored_items) for item in found])

    async def _status(self, provider: WebhookProvider, inbox: Inbox, request: WebhookRequest) -> Answer:
        found = provider.parse_reports(request)
        if not found:
            observability.UNUSED_REPORTS.labels("unreadable").inc()
        return provider.answer_reports(known=any(await inbox.reports(found)))


def _provider_in(scope: Scope) -> str:
    return str(scope["path"]).split("/", 3)[2]


def _request(scope: Scope, body: bytes, token: str) -> WebhookRequest:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    address = scope["client"][0] if scope.get("client") else ""
    plain = decompress(body, headers.get("content-encoding", ""))
    query = scope.get("query_string", b"")
    path = (scope.get("raw_path") or quote(scope["path"]).encode()) + (b"?" + query if query else b"")
    return WebhookRequest(
        plain,
        headers,
        token,
        address,
        query,
        scope["method"],
        compressed=None if plain is body else body,
        url=f"{scope['scheme']}://{headers.get('host', '')}{path.decode('latin-1')}",
    )


async def _read(receive: Receive) -> bytes:
    """Return the body as it was sent; raise _RefusedError if it is larger than 1 MiB or incomplete."""
    try:
        body = await whole_body(receive, MOST_BYTES)
    except ClientDisconnect:
        raise _RefusedError(Code.BODY_INCOMPLETE, "The body ended before it was whole; nothing was stored.") from None
    if len(body) > MOST_BYTES:
        raise _RefusedError(Code.BODY_TOO_LARGE, _TOO_LARGE)
    return body


def _check_size(body: bytes) -> None:
    """Raise _RefusedError if a single message is larger than 64 KiB after decompression; arrays may have 1 MiB."""
    if len(body) > _MAX_MESSAGE_BYTES and not is_array(body):
        raise _RefusedError(Code.BODY_TOO_LARGE, _TOO_LARGE)
