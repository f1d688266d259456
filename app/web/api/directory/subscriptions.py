"""Routes for the subscriptions of a subscriber: import, list, end."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Response

from app.commands.accounts.directory import AgentUnsubscribe
from app.commands.accounts.import_lines import ImportSubscription
from app.domain import actors
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import Subscription
from app.services.management.tokens import Caller, Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.directory.models import (
    SubscriptionBody,
    SubscriptionImportOut,
    SubscriptionOut,
    SubscriptionsOut,
    UnsubscribedOut,
)
from app.web.dependencies import ManagementIn, MsisdnIn, ReasonIn, TenureIn, needs
from app.web.paging import END
from app.web.problems import ProblemError

router = APIRouter(prefix="/subscribers/{msisdn}/subscriptions", tags=["subscribers"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]
Agent = Annotated[Caller, Depends(needs(Scope.CARE))]
_V = TypeVar("_V")
_MISSING = "X-Reason: say why the service is ended, in at least 5 visible characters; it is kept as evidence."


def import_of(given: SubscriptionBody, caller: Caller, service_code: str) -> ImportSubscription:
    """Return the import that a body asks for, with its times in UTC."""
    fields = {name: _in_utc(getattr(given, name)) for name in SubscriptionBody.model_fields}
    return ImportSubscription(who=actors.system(caller.name), service_code=service_code, **fields)


def _in_utc(given: _V) -> _V:
    return given.astimezone(UTC) if isinstance(given, datetime) else given


@router.put(
    "/{service_code}",
    summary="Import an existing subscription",
    response_model_exclude_none=True,
    responses={201: {"model": SubscriptionImportOut, "description": "created"}},
)
async def import_subscription(
    msisdn: MsisdnIn,
    service_code: str,
    given: SubscriptionBody,
    caller: Writer,
    management: ManagementIn,
    response: Response,
) -> SubscriptionImportOut:
    """Recorded as evidence of kind ``import``.

    409 if it would revive what the subscriber ended or refused since, or worsen their terms. If the subscriber left or
    refused the service before, ``as_of`` is required (422) and must be after that (409). Terms that the subscriber
    confirmed here do not change, and the start does not move to before the present one or before a refusal. ``kept``
    names the fields that were not imported.
    """
    done = await management.directory.import_subscription(msisdn, import_of(given, caller, service_code))
    response.status_code = 201 if done.is_new else 200
    fields = {"msisdn": msisdn, "kept": list(done.kept), **_terms(done.subscription)}
    return answer(SubscriptionImportOut, done.subscription, **fields)


@router.get("", summary="Present and past subscriptions", response_model_exclude_none=True)
async def list_subscriptions(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("subscriptions", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> SubscriptionsOut:
    """Subscriptions of the current tenure. The access is recorded."""
    await access.record(msisdn, tenure)
    found = await management.directory.subscriptions(msisdn, tenure)
    return SubscriptionsOut(subscriptions=list(map(_subscription, found)), next_cursor=END)


def _subscription(item: Subscription) -> SubscriptionOut:
    return answer(SubscriptionOut, item, **_terms(item))


def _terms(item: Subscription) -> dict[str, object]:
    return {"price_fen": item.terms.price_fen, "sp_code": item.terms.sp_code}


@router.delete("/{service_code}", summary="Unsubscribe on behalf of a subscriber")
async def end_subscription(
    msisdn: MsisdnIn, service_code: str, caller: Agent, management: ManagementIn, reason: ReasonIn = None
) -> UnsubscribedOut:
    """The same effect as the subscriber's own unsubscribe. They get an SMS, and ``X-Reason`` becomes evidence."""
    if reason is None:
        raise ProblemError(RefusalReason.REASON_MISSING, _MISSING)
    wanted = AgentUnsubscribe(who=actors.agent(caller.name), service_code=service_code, reason=reason)
    await management.directory.unsubscribe(msisdn, wanted)
    return UnsubscribedOut(msisdn=msisdn, service_code=service_code)
