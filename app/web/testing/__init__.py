"""Calls for test suites of others: all threads at once, open questions, the log, and what went wrong.

They exist only in demo and test.
"""

from fastapi import APIRouter, Depends

from app.web.simulator_control import require_disposable
from app.web.testing import log, threads, trouble

router = APIRouter(prefix="/simulator", tags=["simulator"], dependencies=[Depends(require_disposable)])
for part in (threads, log, trouble):
    router.include_router(part.router)
