"""Routes for reports, which contain no texts or numbers of customers: the quality of SPs (mission.md, M18)."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from app.domain.calendar import EARLIEST, LATEST
from app.domain.refusals import RefusalReason
from app.services.management.quality import as_csv
from app.services.management.tokens import Scope
from app.web.dependencies import ManagementIn, needs
from app.web.paging import END, NextCursor
from app.web.problems import ProblemError

router = APIRouter(prefix="/reports", tags=["reports"], dependencies=[Depends(needs(Scope.READ))])
_CSV = "text/csv"


class SpQualityOut(BaseModel):
    """The counts of one SP. Everything is counted on the day, in Asia/Shanghai, on which it happened."""

    sp_code: str
    short_name: str
    orders: int = Field(description="orders that the customer was asked to confirm")
    confirmations: int
    declines: int
    expiries: int
    unsubscribes: int
    within_72h_share: float | None = Field(
        description="the share of unsubscribes within 72 hours of the order, 0 to 1; null without unsubscribes"
    )
    disputes: int = Field(description="fees that were disputed")
    upheld: int = Field(description="disputes in which the fee was upheld")
    refunds: int = Field(description="fees that were refunded")
    complaints: int = Field(description="complaints that name a fee of the SP")


class SpQualitiesOut(BaseModel):
    """All SPs in the order of their codes, always on one page."""

    service_providers: list[SpQualityOut]
    next_cursor: NextCursor


@router.get(
    "/service-providers",
    summary="The quality of every SP, as JSON or CSV",
    response_model=SpQualitiesOut,
    responses={200: {"content": {_CSV: {"schema": {"type": "string"}}}}},
)
async def get_service_provider_report(
    management: ManagementIn,
    first: Annotated[date, Query(alias="from", description="the first day, in Asia/Shanghai")],
    last: Annotated[date, Query(alias="to", description="the last day, inclusive")],
    as_format: Annotated[
        Literal["json", "csv"] | None, Query(alias="format", description="takes precedence over the header Accept")
    ] = None,
    accept: Annotated[str | None, Header(description="text/csv for CSV")] = None,
) -> SpQualitiesOut | Response:
    """In CSV, an apostrophe precedes each cell that a spreadsheet would read as a formula."""
    if not EARLIEST.date() <= first <= last < LATEST.date():
        raise ProblemError(RefusalReason.INVALID, "from and to: give days such as 2026-03-01, from not behind to.")
    rows = await management.quality.of_sps(first, last)
    wants_csv = as_format == "csv" or (as_format is None and _CSV in (accept or "").lower())
    if wants_csv:
        return Response(as_csv(rows), media_type=f"{_CSV}; charset=utf-8")
    return SpQualitiesOut(service_providers=[SpQualityOut.model_validate(asdict(row)) for row in rows], next_cursor=END)
