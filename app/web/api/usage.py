"""The route for readings of data usage, one or many at a time."""

import asyncio
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from app.commands.accounts.data_usage import ReadDataUsage, Reading, ReadingResult
from app.commands.tenures import BEFORE_TENURE
from app.domain.months import first_moment
from app.services.gateway import Gateway
from app.services.management.tokens import Scope
from app.services.refusals import RefusedError
from app.web.bodies import LargeBody
from app.web.dependencies import GatewayIn, needs
from app.web.numbers import Number
from app.web.problems import ProblemError, answer_to
from app.web.times import Moment, Month

router = APIRouter(prefix="/usage", tags=["usage and bills"], dependencies=[Depends(needs(Scope.BILLING_WRITE))])
_MAX_READINGS = 1000
_REFUSED = {ReadingResult.AHEAD: "at: lies in the future.", ReadingResult.FORMER: f"at: {BEFORE_TENURE}"}


class DataUsageBody(LargeBody):
    """The data used in a month up to ``at``: cumulative, in KB of 1024 bytes."""

    msisdn: Number
    month: Month
    used_kb: int = Field(strict=True, ge=0, le=10**12, examples=[54784])
    at: Moment

    @model_validator(mode="after")
    def _check_month(self) -> "DataUsageBody":
        if self.at < first_moment(self.month):
            raise ValueError("at: lies before the month")
        return self


class ReadingStatus(StrEnum):
    """``ignored``: a later reading is stored already."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    REFUSED = "refused"


class ReadingOut(BaseModel):
    """The result of a reading. ``detail`` says why it was refused."""

    msisdn: str
    month: str
    status: ReadingStatus
    detail: str | None = None


def _body_form(given: object) -> str:
    return "many" if isinstance(given, list) else "one"


_OneOrMany = Annotated[
    Annotated[DataUsageBody, Tag("one")]
    | Annotated[list[DataUsageBody], Field(min_length=1, max_length=_MAX_READINGS, fail_fast=True), Tag("many")],
    Discriminator(_body_form),
    Body(),
]


@router.post("/data", summary="Record readings of data usage", response_model_exclude_none=True)
async def post_data_usage(given: _OneOrMany, gateway: GatewayIn) -> ReadingOut | list[ReadingOut]:
    """One reading, or an array of up to 1,000 readings that are checked one by one.

    The latest ``at`` of a month counts. A reading older than the stored one is ignored, and a repeat changes nothing. A
    reading from before the present subscriber got the number is refused.
    """
    if isinstance(given, list):
        return await _record_all(gateway, given)
    (found,) = await _record_all(gateway, [given])
    if found.status is ReadingStatus.REFUSED:
        raise ProblemError(422, found.detail or "")
    return found


async def _record_all(gateway: Gateway, given: list[DataUsageBody]) -> list[ReadingOut]:
    """Record readings and return a result for each, in order. Runs one turn per subscriber, concurrently."""
    places: dict[str, list[int]] = {}
    for place, body in enumerate(given):
        places.setdefault(body.msisdn, []).append(place)
    results = await asyncio.gather(
        *(_record_for_subscriber(gateway, msisdn, [given[place] for place in mine]) for msisdn, mine in places.items())
    )
    by_place = {
        place: out
        for mine, outs in zip(places.values(), results, strict=True)
        for place, out in zip(mine, outs, strict=True)
    }
    return [by_place[place] for place in range(len(given))]


async def _record_for_subscriber(gateway: Gateway, msisdn: str, given: list[DataUsageBody]) -> list[ReadingOut]:
    readings = tuple(Reading(body.month, body.used_kb, body.at) for body in given)
    try:
        results = await gateway.turning.turns.carry_out(msisdn, ReadDataUsage(readings))
    except RefusedError as error:
        _, detail = answer_to(error.refusal)
        return [_out(body, ReadingStatus.REFUSED, detail) for body in given]
    return [_result_of(body, result) for body, result in zip(given, results, strict=True)]


def _result_of(body: DataUsageBody, result: ReadingResult) -> ReadingOut:
    if result in _REFUSED:
        return _out(body, ReadingStatus.REFUSED, _REFUSED[result])
    return _out(body, ReadingStatus.ACCEPTED if result is ReadingResult.ACCEPTED else ReadingStatus.IGNORED)


def _out(body: DataUsageBody, status: ReadingStatus, detail: str | None = None) -> ReadingOut:
    return ReadingOut(msisdn=body.msisdn, month=body.month, status=status, detail=detail)
