"""Calls about one simulated handset beside its messages: its number, what is on its way to it, its events.

In demo and test also what the gateway did with a message, and how the network treats this handset alone.
"""

from fastapi import APIRouter, Depends

from app.web.handsets import conditions, events, inspection, outbox
from app.web.simulator_control import require_disposable

router = APIRouter(prefix="/simulator", tags=["simulator"])
router.include_router(outbox.router)
router.include_router(events.router)
router.include_router(conditions.router, dependencies=[Depends(require_disposable)])
router.include_router(inspection.router, dependencies=[Depends(require_disposable)])
