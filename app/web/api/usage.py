"""The route for readings of data usage, one or many at a time."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from app.commands.accounts.data_usage import Reading, ReadingResult
from app.commands.tenures import BEFORE_TENURE
from app.domain.months import first_moment
from app.domain.refusals import Refusal, RefusalReason
from app.services.gateway import Gateway
from app.services.management.tokens import Scope
from app.web.bodies import LargeBody
from app.web.dependencies import GatewayIn, needs
from app.web.numbers import Number
from app.web.problems import ProblemError, sentence_of
from app.web.times import Moment, Month

router = APIRouter(prefix="/usage", tags=["usage and bills"], dependencies=[Depends(needs(Scope.BILLING_WRITE))])
_MAX_READINGS = 1000


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


_ANSWERS: dict[ReadingResult, tuple[ReadingStatus, str | None]] = {
    ReadingResult.ACCEPTED: (ReadingStatus.ACCEPTED, None),
    ReadingResult.OLDER: (ReadingStatus.IGNORED, None),
    ReadingResult.AHEAD: (ReadingStatus.REFUSED, "at: lies in the future."),
    ReadingResult.FORMER: (ReadingStatus.REFUSED, f"at: {BEFORE_TENURE}"),
}


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
async def record_data_usage(given: _OneOrMany, gateway: GatewayIn) -> ReadingOut | list[ReadingOut]:
    """One reading, or an array of up to 1,000 readings that are checked one by one.

    The latest ``at`` of a month counts. A reading older than the stored one is ignored, and a repeat changes nothing. A
    reading from before the present subscriber got the number is refused.
    """
    if isinstance(given, list):
        return await _record_all(gateway, given)
    (found,) = await _record_all(gateway, [given])
    if found.status is ReadingStatus.REFUSED:
        raise ProblemError(RefusalReason.INVALID, found.detail or "")
    return found


async def _record_all(gateway: Gateway, given: list[DataUsageBody]) -> list[ReadingOut]:
    readings = [(body.msisdn, Reading(body.month, body.used_kb, body.at)) for body in given]
    results = await gateway.management.usage.record(readings)
    return [_reading_out(body, result) for body, result in zip(given, results, strict=True)]


def _reading_out(body: DataUsageBody, result: ReadingResult | Refusal) -> ReadingOut:
    if isinstance(result, Refusal):
        return _reading(body, ReadingStatus.REFUSED, sentence_of(result))
    return _reading(body, *_ANSWERS[result])


def _reading(body: DataUsageBody, status: ReadingStatus, detail: str | None) -> ReadingOut:
    return ReadingOut(msisdn=body.msisdn, month=body.month, status=status, detail=detail)
