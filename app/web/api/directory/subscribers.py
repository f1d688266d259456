"""Routes for subscribers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.commands.accounts.directory import SetSubscriber
from app.domain import actors
from app.domain.account import Brand, Language, Payment, Plan, Subscriber, SubscriberStatus
from app.domain.usage import data_plan
from app.domain.values import replace
from app.domain.versions import version_of
from app.services.management.reading import SubscriberFilter
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.directory.etags import ExpectedIn, KnownIn, etag, not_modified
from app.web.api.directory.models import (
    PlanBody,
    PreferencesOut,
    SubscriberBody,
    SubscriberOut,
    SubscriberPatch,
    SubscriberRowOut,
    SubscribersOut,
)
from app.web.dependencies import ManagementIn, MsisdnIn, TenureIn
from app.web.paging import end_of, timed_paging
from app.web.problem_codes import Code
from app.web.problems import ProblemError

router = APIRouter(prefix="/subscribers/{msisdn}", tags=["subscribers"])
Writer = Annotated[RowAccess, Depends(Sees("subscriber", Scope.DIRECTORY_WRITE))]


def change_of(
    given: SubscriberBody | SubscriberPatch, name: str, *, create: bool, expected: tuple[str, ...] | None = None
) -> SetSubscriber:
    """Return the change that a PUT or PATCH of the token ``name`` asks for, without the password."""
    return SetSubscriber(
        who=actors.system(name),
        expected=expected,
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


def _row(found: Subscriber) -> SubscriberRowOut:
    return answer(SubscriberRowOut, found, **_fields(found))


def _fields(found: Subscriber) -> dict[str, object]:
    """Return the fields of a subscriber in an answer that are not those of ``Subscriber``."""
    plan = answer(PlanBody, found.plan) if found.plan else None
    return {"plan": plan, "has_service_password": found.password_hash is not None}


@router.put(
    "", summary="Create or replace a subscriber", responses={201: {"model": SubscriberRowOut, "description": "created"}}
)
async def put_subscriber(
    msisdn: MsisdnIn,
    given: SubscriberBody,
    access: Writer,
    management: ManagementIn,
    expected: ExpectedIn,
    response: Response,
) -> SubscriberRowOut:
    """``status: closed`` ends the tenure and everything in it; the next PUT opens a new, empty one."""
    change = change_of(given, access.who, create=True, expected=expected)
    done = await management.directory.set_subscriber(msisdn, change, given.service_password)
    response.status_code = 201 if done.is_new else 200
    response.headers["ETag"] = etag(version_of(done.subscriber))
    return access.unfiltered(_row(done.subscriber))


@router.patch("", summary="Change some fields of a subscriber")
async def patch_subscriber(
    msisdn: MsisdnIn,
    given: SubscriberPatch,
    access: Writer,
    management: ManagementIn,
    expected: ExpectedIn,
    response: Response,
) -> SubscriberRowOut:
    """Changes only the fields that are sent, and answers with all of them; that access is recorded."""
    change = change_of(given, access.who, create=False, expected=expected)
    done = await management.directory.set_subscriber(msisdn, change, given.service_password)
    await access.note(msisdn)
    response.headers["ETag"] = etag(version_of(done.subscriber))
    return access.unfiltered(_row(done.subscriber))


@router.get("", summary="A subscriber's present state", response_model=SubscriberOut)
async def get_subscriber(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("subscriber", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
    known: KnownIn,
    response: Response,
) -> SubscriberOut | Response:
    """The current tenure. The access is recorded. Send the ``ETag`` as ``If-Match`` with the next PUT or PATCH."""
    await access.record(msisdn, tenure)
    found = await management.directory.subscriber(msisdn, tenure)
    preferences = await management.directory.preferences(found)
    chosen = PreferencesOut(
        fee_summary=preferences.fee_summary,
        data_alerts=preferences.wants_data_alerts(with_plan=data_plan(found) is not None),
    )
    if known.has(response, version_of(found), version_of(preferences)):
        return not_modified(response)

    def out(subscriber: Subscriber) -> SubscriberOut:
        return answer(SubscriberOut, subscriber, **_fields(subscriber), preferences=chosen)

    return await access.row(found, out)


# ---- all subscribers

every = APIRouter(prefix="/subscribers", tags=["subscribers"])
_pages = timed_paging(SortOrder.ASC, "^[A-Za-z0-9_=-]{1,300}$")


async def _filter(
    brand: Brand | None = None,
    vip: bool | None = None,  # noqa: FBT001  a query parameter
    payment: Payment | None = None,
    status: SubscriberStatus | None = None,
    language: Language | None = None,
) -> SubscriberFilter:
    return SubscriberFilter(brand, vip, payment, status, language)


@every.get("", summary="Subscribers")
async def list_subscribers(
    access: Annotated[RowAccess, Depends(Sees("subscribers", Scope.READ, Scope.CARE))],
    management: ManagementIn,
    part: Annotated[PageRequest, Depends(_pages)],
    wanted: Annotated[SubscriberFilter, Depends(_filter)],
) -> SubscribersOut:
    """Present subscribers in a fixed order, with scope ``admin`` also former ones; their time is ``created_at``.

    Whole numbers are shown only with a reason.
    """
    try:
        page = await management.reading.subscribers(replace(wanted, former=access.former), part)
    except ValueError:
        raise ProblemError(
            Code.INVALID_CURSOR, "cursor: this is none of this list; leave it away to begin anew."
        ) from None
    return SubscribersOut(subscribers=await access.rows(page.items, _row), next_cursor=end_of(page))
