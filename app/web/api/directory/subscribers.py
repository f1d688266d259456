"""Routes for subscribers."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.commands.accounts.directory import SetSubscriber
from app.domain import actors
from app.domain.account import Plan, Subscriber
from app.domain.preferences import Preferences
from app.domain.usage import data_plan
from app.services.management.tokens import Caller, Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.directory.models import (
    PlanBody,
    PreferencesOut,
    SubscriberBody,
    SubscriberOut,
    SubscriberPatch,
)
from app.web.dependencies import ManagementIn, MsisdnIn, TenureIn, needs

router = APIRouter(prefix="/subscribers/{msisdn}", tags=["subscribers"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]


def change_of(given: SubscriberBody | SubscriberPatch, caller: Caller, *, create: bool) -> SetSubscriber:
    """Return the change that a PUT or PATCH asks for, without the password."""
    return SetSubscriber(
        who=actors.system(caller.name),
        given=frozenset(type(given).model_fields if create else given.model_fields_set),
        create=create,
        brand=given.brand,
        vip=given.vip,
        payment=given.payment,
        balance_fen=given.balance_fen,
        points=given.points,
        status=given.status,
        language=given.language,
        plan=Plan(**given.plan.model_dump()) if given.plan else None,
    )


@router.put("", summary="Create or replace a subscriber")
async def put_subscriber(
    msisdn: MsisdnIn, given: SubscriberBody, caller: Writer, management: ManagementIn
) -> dict[str, str]:
    """``status: closed`` ends the tenure and everything in it; the next PUT opens a new, empty one."""
    change = change_of(given, caller, create=True)
    await management.directory.set_subscriber(msisdn, change, given.service_password)
    return {"msisdn": msisdn}


@router.patch("", summary="Change some fields of a subscriber")
async def patch_subscriber(
    msisdn: MsisdnIn, given: SubscriberPatch, caller: Writer, management: ManagementIn
) -> dict[str, str]:
    """Changes only the fields that are sent."""
    change = change_of(given, caller, create=False)
    await management.directory.set_subscriber(msisdn, change, given.service_password)
    return {"msisdn": msisdn}


@router.get("", summary="A subscriber's present state")
async def get_subscriber(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("subscriber", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> SubscriberOut:
    """The current tenure. The access is recorded."""
    await access.record(msisdn, tenure)
    found = await management.directory.subscriber(msisdn, tenure)
    preferences = await management.directory.preferences(found)
    return await access.row(found, lambda subscriber: _subscriber(subscriber, preferences))


def _subscriber(found: Subscriber, preferences: Preferences) -> SubscriberOut:
    return answer(
        SubscriberOut,
        found,
        plan=answer(PlanBody, found.plan) if found.plan else None,
        has_service_password=found.password_hash is not None,
        preferences=PreferencesOut(
            fee_summary=preferences.fee_summary,
            data_alerts=preferences.wants_data_alerts(with_plan=data_plan(found) is not None),
        ),
    )
