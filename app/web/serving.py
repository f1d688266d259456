"""How the app is served: uvicorn, with the bounds that safety.md 37 asks for."""

import uvicorn
from fastapi import FastAPI

from app.web.protocol import Protocol

_GRACE_SECONDS = 3
# Those at rest between two requests included; uvicorn closes these after 5 s.
_MAX_CONNECTIONS = 2_000


def server_of(app: FastAPI, host: str, port: int, *, protocol: type[Protocol] = Protocol) -> uvicorn.Server:
    """A server for the app; nothing listens yet."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            http=protocol,
            # Nothing here speaks it, and its library logs paths with the tokens in them.
            ws="none",
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
