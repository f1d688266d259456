"""The management API under ``/api/v1``, one module for each resource (http-api.md, management API)."""

from fastapi import APIRouter, Depends

from app.web.api import (
    access_records,
    bills,
    campaigns,
    charges,
    customer_lists,
    events,
    imports,
    messages,
    orders,
    providers,
    reports,
    spam,
    tickets,
    tokens,
    usage,
)
from app.web.api.directory import catalogue, consents, evidence, subscribers, subscriptions, terms
from app.web.dependencies import refuse_passwords

router = APIRouter(prefix="/api/v1", dependencies=[Depends(refuse_passwords)])
for part in (
    catalogue,
    subscribers,
    subscriptions,
    evidence,
    customer_lists,
    access_records,
    orders,
    terms,
    charges,
    messages,
    imports,
    usage,
    bills,
    events,
    campaigns,
    consents,
    tickets,
    spam,
    reports,
    providers,
    tokens,
):
    router.include_router(part.router)
router.include_router(subscribers.every)
