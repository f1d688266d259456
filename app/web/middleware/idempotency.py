"""Middleware for ``Idempotency-Key`` on writes of the management API (http-api.md, management API).

Answers are stored for 24 hours; an error uses up no key. The same key with a different request is a 409.
"""

import re
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.masking import holds_password
from app.domain.storage import StorageUnavailableError
from app.services.gateway import Management
from app.services.management.idempotency import KeyedCall, RecordedCall
from app.web import problems
from app.web.middleware.limits import STREAMED, whole_body
from app.web.problem_codes import Code

# An error is not stored: nothing was done, and the caller may send what is right with the same key.
_FIRST_ERROR = 400
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_BAD_KEY = "Idempotency-Key: 1 to 255 visible ASCII characters, and nothing that looks like a password."
_OTHER_BODY = "This Idempotency-Key was used for another request; take a new key for a new request."
_IN_PROGRESS = "The request with this Idempotency-Key is under way; ask again in a moment."


class IdempotencyKeys:
    """Answers a repeated write with the stored answer to the first one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless its key was used before."""
        key = Headers(scope=scope).get("idempotency-key") if _is_write(scope) else None
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._answer(key, scope, receive, send)
        except StorageUnavailableError as error:  # before anything was done; no handler is around this middleware
            await problems.of_storage(error)(scope, receive, send)

    async def _answer(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not _KEY.fullmatch(key) or holds_password(key):
            await problems.response(Code.INVALID_KEY, _BAD_KEY)(scope, receive, send)
            return
        management: Management = scope["app"].state.gateway.management
        token = Headers(scope=scope).get("authorization", "").partition(" ")[2]
        caller = await management.tokens.caller(token)
        if caller is None:
            await self._app(scope, receive, send)  # the route refuses it with 401
            return
        try:
            body = await whole_body(receive)
        except HTTPException as error:  # too large
            await problems.response(Code.BODY_TOO_LARGE, str(error.detail))(scope, receive, send)
            return
        except ClientDisconnect:
            return
        request = b"\n".join((scope["method"].encode(), scope["path"].encode(), scope["query_string"], body))
        call = KeyedCall.of(caller.name, key, request)
        known = await management.idempotent_calls.begin(call)
        if known is None:
            await self._run(management, call, body, scope, send)
        elif management.idempotent_calls.is_same(known, call):
            await _answer_again(known, scope, receive, send)
        else:
            await problems.response(Code.KEY_REUSED, _OTHER_BODY)(scope, receive, send)

    async def _run(self, management: Management, call: KeyedCall, body: bytes, scope: Scope, send: Send) -> None:
        """Handle the request, store its answer unless it is an error, and send it once it is stored."""
        answer: list[Message] = []

        async def replayed_body() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: Message) -> None:
            answer.append(message)

        try:
            await self._app(scope, replayed_body, collect)
        except BaseException:
            with suppress(StorageUnavailableError):
                await management.idempotent_calls.drop(call)
            raise
        with suppress(StorageUnavailableError):  # what was done is told all the same
            await _keep(management, call, answer)
        for message in answer:
            await send(message)


async def _keep(management: Management, call: KeyedCall, answer: list[Message]) -> None:
    """Store the answer of a call, or give its key back if that is an error."""
    status = answer[0]["status"]
    if status >= _FIRST_ERROR:
        await management.idempotent_calls.drop(call)
        return
    text = b"".join(message.get("body", b"") for message in answer[1:]).decode()
    media_type = Headers(raw=answer[0]["headers"]).get("content-type", "application/json")
    await management.idempotent_calls.end(call, status, media_type, text)


def _is_write(scope: Scope) -> bool:
    """Return True if the key applies. Streamed imports are exempt: they report each line and are safe to repeat."""
    return (
        scope["type"] == "http"
        and scope["method"] in _WRITES
        and scope["path"].startswith("/api/v1/")
        and scope["path"] not in STREAMED
    )


async def _answer_again(known: RecordedCall, scope: Scope, receive: Receive, send: Send) -> None:
    if known.status is None:
        await problems.response(Code.KEY_IN_USE, _IN_PROGRESS, {"Retry-After": "2"})(scope, receive, send)
        return
    body = (known.body or "").encode()
    headers = [
        (b"content-type", (known.media_type or "application/json").encode()),
        (b"content-length", str(len(body)).encode()),
        (b"idempotency-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": known.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
