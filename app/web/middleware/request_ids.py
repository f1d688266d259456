"""The header ``X-Request-ID`` of every answer: the caller's, if it is one that may stand in a log, else a new one."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.masking import holds_password
from app.observability import masked_text

HEADER = b"x-request-id"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_RANDOM_BYTES = 8


def _id_of(scope: Scope) -> str:
    """Return the id that the caller gave, or a new one for an id that is none, or that holds a number or a password."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER), "")
    is_sane = _SANE.fullmatch(given) and masked_text(given) == given and not holds_password(given)
    return given if is_sane else secrets.token_hex(_RANDOM_BYTES)


class RequestIds:
    """Puts ``request_id`` into the scope of each HTTP request, and the header into its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = _id_of(scope)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
            await send(message)

        await self._app(scope, receive, with_id)
