"""The uvicorn server and its limits (safety.md 37)."""

import uvicorn
from fastapi import FastAPI

from app.web.protocol import Protocol

_GRACE_SECONDS = 3
# Including idle keep-alive connections, which uvicorn closes after 5 s.
_MAX_CONNECTIONS = 2_000


def server_of(app: FastAPI, host: str, port: int, *, protocol: type[Protocol] = Protocol) -> uvicorn.Server:
    """Return a server for the app that does not listen yet."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            http=protocol,
            # Not used, and the WebSocket library logs paths, which may contain tokens.
            ws="none",
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
