"""Calls about one simulated handset beside its messages: its number, what is on its way to it, its events."""

from fastapi import APIRouter

from app.web.handsets import events, outbox

router = APIRouter(prefix="/simulator", tags=["simulator"])
router.include_router(outbox.router)
router.include_router(events.router)
