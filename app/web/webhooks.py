"""The inbound webhook: a plain ASGI endpoint, as it is the hot path (ADR 0005); described in OpenAPI by hand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from app import observability
from app.db.session import StorageUnavailableError
from app.domain.escape import escape
from app.providers.base import Incoming, Invalid, MalformedRequestError, NotAuthenticError, Provider
from app.services.intake import IncomingMessage, Intake, IntakeStatus, Stored
from app.services.receipts import Receipts, Report
from app.web import problems

_ONE = 64 * 1024
_MANY = 1024 * 1024
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", problems.MEDIA_TYPE.encode())
_PARTS = 2
log = observability.logger(__name__)


class _FaultError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


_Take = Callable[[Provider, bytes], Awaitable[tuple[int, bytes]]]


class Webhooks:
    """``POST /webhooks/{provider}/inbound`` and ``/status`` (http-api.md, webhooks)."""

    def __init__(self, providers: Mapping[str, Provider], intake: Intake, receipts: Receipts) -> None:
        self._providers = providers
        self._intake = intake
        self._receipts = receipts
        self._takes: Mapping[str, _Take] = {"inbound": self._inbound, "status": self._status}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, body = await self._answer(scope, receive)
        kind = _JSON if status < 400 else _PROBLEM  # noqa: PLR2004  the first error status
        headers = [kind, (b"content-length", str(len(body)).encode())]
        if status == 503:  # noqa: PLR2004
            headers.append((b"retry-after", b"5"))
        if status == 405:  # noqa: PLR2004
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        try:
            provider, take = self._addressed(scope)
            body = await _read(receive)
            provider.authenticate(_headers(scope), body)
            return await take(provider, body)
        except _FaultError as fault:
            status, detail = fault.status, str(fault)
        except NotAuthenticError as error:
            status, detail = 401, str(error)
        except MalformedRequestError as error:
            status, detail = 422, str(error)
        except StorageUnavailableError:
            status, detail = 503, "The database is away; send it again."
        except Exception:  # the last stop: no middleware stands around this endpoint
            log.exception("a webhook failed")
            status, detail = 500, "Something went wrong on our side; send it again."
        return status, problems.body_of(status, detail)

    def _addressed(self, scope: Scope) -> tuple[Provider, _Take]:
        path = scope["path"].strip("/").split("/")[1:]
        provider = self._providers.get(path[0]) if path else None
        take = self._takes.get(path[1]) if len(path) == _PARTS else None
        if provider is None or take is None:
            raise _FaultError(404, "There is no such provider or webhook; see the settings file.")
        if scope["method"] != "POST":
            raise _FaultError(405, "Webhooks are posted.")
        return provider, take

    async def _inbound(self, provider: Provider, body: bytes) -> tuple[int, bytes]:
        found = provider.parse_inbound(body)
        if isinstance(found, Incoming):
            stored = (await self._intake.store([_message(provider.name, found)]))[0]
            status = 202 if stored.status is IntakeStatus.ACCEPTED else 200
            return status, b'{"id":"%b","status":"%b"}' % (stored.id.encode(), stored.status.value.encode())
        good = [item for item in found if isinstance(item, Incoming)]
        stored_all = await self._intake.store([_message(provider.name, item) for item in good]) if good else []
        return 200, to_json(_results(found, stored_all))

    async def _status(self, provider: Provider, body: bytes) -> tuple[int, bytes]:
        known = False
        for report in provider.parse_reports(body):
            code = None if report.error_code is None else escape(report.error_code)
            item = Report(provider.name, escape(report.provider_message_id), report.status, code, report.at)
            known = await self._receipts.store(item) or known
        return 200, b'{"status":"accepted"}' if known else b'{"status":"ignored"}'


def _message(provider: str, found: Incoming) -> IncomingMessage:
    return IncomingMessage(provider, found.message_id, found.sender, found.dialled, found.text, found.received_at)


def _results(found: Sequence[Incoming | Invalid], stored: Sequence[Stored]) -> list[dict[str, str]]:
    rest = iter(stored)
    results: list[dict[str, str]] = []
    for item in found:
        if isinstance(item, Invalid):
            results.append({"status": "invalid", "detail": item.detail})
        else:
            one = next(rest)
            results.append({"id": one.id, "status": one.status.value})
    return results


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _read(receive: Receive) -> bytes:
    """The body, within its limit: 64 KiB for one message, 1 MiB for an array."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MANY:
            raise _FaultError(413, "At most 64 KiB, or 1 MiB for an array.")
    if len(body) > _MANY or (len(body) > _ONE and body.lstrip()[:1] != b"["):
        raise _FaultError(413, "At most 64 KiB, or 1 MiB for an array.")
    return body


_Schema = Mapping[str, object]
_MESSAGE_SCHEMA: _Schema = {
    "type": "object",
    "required": ["message_id", "from", "to", "text"],
    "properties": {
        "message_id": {"type": "string", "description": "the provider's id; a repeat has no effect"},
        "from": {"type": "string", "description": "who wrote, in any usual form"},
        "to": {"type": "string", "description": "the service number that was written to"},
        "text": {"type": "string"},
        "received_at": {"type": "string", "format": "date-time", "description": "when the provider got it"},
    },
    "example": {"message_id": "abc-1", "from": "13800138000", "to": "10086", "text": "0000"},
}
_RESULT_SCHEMA: _Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "our id; a duplicate has the first one's"},
        "status": {"type": "string", "enum": ["accepted", "duplicate", "invalid"]},
        "detail": {"type": "string"},
    },
}
_REPORT_SCHEMA: _Schema = {
    "type": "object",
    "required": ["message_id", "status"],
    "properties": {
        "message_id": {"type": "string", "description": "the provider's id of our message"},
        "status": {
            "type": "string",
            "enum": ["accepted", "delivered", "undelivered", "expired", "rejected", "deleted", "unknown"],
        },
        "error_code": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
    },
    "example": {"message_id": "sim-1", "status": "delivered", "error_code": "", "at": "2026-03-01T10:00:05+08:00"},
}


def _operation(summary: str, schema: _Schema, answers: Mapping[str, tuple[str, _Schema]]) -> dict[str, object]:
    faults = {
        "401": "the signature is missing, wrong or too old",
        "404": "no such provider",
        "413": "too large",
        "422": "cannot be read; nothing was stored",
    }
    faults["503"] = "the database is away; send it again after Retry-After seconds"
    parameter = {
        "name": "provider",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "a provider of the settings",
    }
    return {
        "post": {
            "tags": ["webhooks"],
            "summary": summary,
            "parameters": [parameter],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                **{
                    code: {"description": text, "content": {"application/json": {"schema": answer}}}
                    for code, (text, answer) in answers.items()
                },
                **{code: {"description": text, "content": problems.CONTENT} for code, text in faults.items()},
            },
        }
    }


OPENAPI_PATHS: dict[str, object] = {
    "/webhooks/{provider}/inbound": _operation(
        "Messages from handsets",
        {"oneOf": [_MESSAGE_SCHEMA, {"type": "array", "maxItems": 500, "items": _MESSAGE_SCHEMA}]},
        {
            "202": ("stored", _RESULT_SCHEMA),
            "200": (
                "known already, or the results of an array",
                {"oneOf": [_RESULT_SCHEMA, {"type": "array", "items": _RESULT_SCHEMA}]},
            ),
        },
    ),
    "/webhooks/{provider}/status": _operation(
        "Delivery reports",
        _REPORT_SCHEMA,
        {
            "200": (
                "taken, or ignored because we do not know the message",
                {"type": "object", "example": {"status": "accepted"}},
            )
        },
    ),
}
