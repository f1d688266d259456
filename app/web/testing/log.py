"""The last lines of the log, for the report of a test that failed."""

import json
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app import observability

router = APIRouter()
_MOST = 500


class LogOut(BaseModel):
    """Lines of the log, oldest first."""

    lines: list[dict[str, object]]


@router.get("/log", summary="The last lines of the log")
async def read_log(limit: Annotated[int, Query(ge=1, le=_MOST)] = 50) -> LogOut:
    """Of this process alone, as JSON objects, masked as the log is. At most the last 500 are kept."""
    return LogOut(lines=[json.loads(line) for line in observability.recent_lines(limit)])
