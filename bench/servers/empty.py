"""One empty FastAPI POST endpoint, served by one uvicorn process.

Its body has the fields of the gateway's webhook and its answer looks the same. Nothing is stored or sent. Run as
`python -m bench.servers.empty PORT`.
"""

import sys
from datetime import datetime

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

PATH = "/inbound"


class Inbound(BaseModel):
    """The fields of the webhook's message."""

    message_id: str
    sender: str = Field(alias="from")
    to: str
    text: str
    received_at: datetime | None = None


def create_app() -> FastAPI:
    """Return the application, with FastAPI's own telemetry switched off."""
    app = FastAPI(
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        }
    )

    @app.post(PATH, status_code=202)
    async def inbound(message: Inbound) -> dict[str, str]:
        return {"id": message.message_id, "status": "accepted"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
