"""Routes for subscribers, their subscriptions and their evidence."""

import json
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query

from app.commands.accounts.directory import AgentUnsubscribe, SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.domain import actors
from app.domain.account import Plan, Subscriber
from app.domain.evidence import EvidenceRecord
from app.domain.preferences import Preferences
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import Subscription
from app.domain.usage import data_plan
from app.services.management.tokens import Caller, Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.models import (
    EvidenceOut,
    EvidencePageOut,
    PlanBody,
    PreferencesOut,
    SubscriberBody,
    SubscriberOut,
    SubscriberPatch,
    SubscriptionBody,
    SubscriptionImportOut,
    SubscriptionOut,
    SubscriptionsOut,
    VerificationOut,
)
from app.web.dependencies import LimitIn, ManagementIn, MsisdnIn, ReasonIn, TenureIn, UpkeepIn, needs
from app.web.problems import ProblemError

router = APIRouter(prefix="/subscribers/{msisdn}", tags=["subscribers"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]
Agent = Annotated[Caller, Depends(needs(Scope.CARE))]
_V = TypeVar("_V")
_VISIBLE = "in at least 5 visible characters"


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


def import_of(given: SubscriptionBody, caller: Caller, service_code: str) -> ImportSubscription:
    """Return the import that a body asks for, with its times in UTC."""
    fields = {name: _in_utc(getattr(given, name)) for name in SubscriptionBody.model_fields}
    return ImportSubscription(who=actors.system(caller.name), service_code=service_code, **fields)


def _in_utc(given: _V) -> _V:
    return given.astimezone(UTC) if isinstance(given, datetime) else given


@router.put("/subscriptions/{service_code}", summary="Import an existing subscription")
async def put_subscription(
    msisdn: MsisdnIn, service_code: str, given: SubscriptionBody, caller: Writer, management: ManagementIn
) -> SubscriptionImportOut:
    """Recorded as evidence of kind ``import``.

    409 if it would revive what the subscriber ended or refused since, or worsen their terms. If the subscriber left or
    refused the service before, ``as_of`` is required (422) and must be after that (409). Terms that the subscriber
    confirmed here do not change, and the start does not move to before the present one or before a refusal. ``kept``
    names the fields that were not imported.
    """
    kept = await management.directory.import_subscription(msisdn, import_of(given, caller, service_code))
    return SubscriptionImportOut(msisdn=msisdn, service_code=service_code, kept=list(kept))


@router.get("/subscriptions", summary="Present and past subscriptions", response_model_exclude_none=True)
async def get_subscriptions(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("subscriptions", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> SubscriptionsOut:
    """Subscriptions of the current tenure. The access is recorded."""
    await access.record(msisdn, tenure)
    found = await management.directory.subscriptions(msisdn, tenure)
    return SubscriptionsOut(subscriptions=list(map(_subscription, found)))


def _subscription(item: Subscription) -> SubscriptionOut:
    return answer(SubscriptionOut, item, price_fen=item.terms.price_fen, sp_code=item.terms.sp_code)


@router.delete("/subscriptions/{service_code}", summary="Unsubscribe on behalf of a subscriber")
async def delete_subscription(
    msisdn: MsisdnIn, service_code: str, caller: Agent, management: ManagementIn, reason: ReasonIn = None
) -> dict[str, str]:
    """The same effect as the subscriber's own unsubscribe. They get an SMS, and ``X-Reason`` becomes evidence."""
    if reason is None:
        raise ProblemError(
            RefusalReason.REASON_MISSING, f"X-Reason: say why the service is ended, {_VISIBLE}; it is kept as evidence."
        )
    wanted = AgentUnsubscribe(who=actors.agent(caller.name), service_code=service_code, reason=reason)
    await management.directory.unsubscribe(msisdn, wanted)
    return {"msisdn": msisdn, "service_code": service_code}


@router.get("/evidence", summary="The evidence of a subscriber")
async def get_evidence(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("evidence", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
    cursor: Annotated[int, Query(ge=0, lt=2**31, description="next_cursor of the previous page")] = 0,
    limit: LimitIn = 100,
) -> EvidencePageOut:
    """The chain of the current tenure, oldest first: questions, answers and changes. The access is recorded."""
    await access.record(msisdn, tenure)
    page = await management.directory.evidence(msisdn, cursor, limit, tenure)
    return EvidencePageOut(evidence=list(map(_evidence, page.items)), next_cursor=page.next_cursor)


def _evidence(record: EvidenceRecord) -> EvidenceOut:
    return answer(EvidenceOut, record, payload=json.loads(record.payload) if record.payload else None)


@router.get("/evidence/verify", summary="Verify the chain of evidence")
async def verify_evidence(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("evidence", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> VerificationOut:
    """Verifies the chain of the current tenure. ``first_bad`` numbers the first record that does not verify."""
    await access.record(msisdn, tenure)
    found = await management.directory.verify(msisdn, tenure)
    return VerificationOut(ok=found.ok, records=found.records, first_bad=found.first_bad, fault=found.violation)


@router.post("/tenures/{tenure}/erasure", summary="Erase a closed tenure")
async def erase_tenure(
    msisdn: MsisdnIn,
    tenure: Annotated[int, Path(ge=1, lt=2**31)],
    caller: Annotated[Caller, Depends(needs(Scope.ADMIN))],
    upkeep: UpkeepIn,
    reason: ReasonIn = None,
) -> dict[str, str]:
    """For a request of the former customer, once their open matters and the retention have ended (409 before).

    Texts, evidence payloads and the tenure's records are deleted for good. The chain of hashes stays and verifies.
    ``X-Reason`` becomes evidence.
    """
    if reason is None:
        raise ProblemError(
            RefusalReason.REASON_MISSING,
            f"X-Reason: say who asked for the erasure, {_VISIBLE}; it is kept as evidence.",
        )
    await upkeep.erasure.erase(msisdn, tenure, actors.system(caller.name), reason)
    return {"msisdn": msisdn, "status": "erased"}
