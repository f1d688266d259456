"""Reports without texts and numbers of customers: the quality of SPs (M18)."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from app.domain.calendar import EARLIEST, LATEST
from app.services.management.quality import as_csv
from app.services.management.tokens import Scope
from app.web.dependencies import GatewayIn, needs
from app.web.problems import ProblemError

router = APIRouter(prefix="/reports", tags=["reports"], dependencies=[Depends(needs(Scope.READ))])
_CSV = "text/csv"


class SpQualityOut(BaseModel):
    """One SP; each thing is counted on the day, in Shanghai, on which it happened."""

    sp_code: str
    short_name: str
    orders: int = Field(description="orders that the customer was asked to confirm")
    confirmations: int
    declines: int
    expiries: int
    unsubscribes: int
    within_72h_share: float | None = Field(
        description="of the unsubscribes, those within 72 hours of ordering, 0 to 1; null without any"
    )
    disputes: int = Field(description="fees that were disputed")
    upheld: int = Field(description="disputes in which the fee was upheld")
    refunds: int = Field(description="fees that were given back")
    complaints: int = Field(description="complaints that name a fee of the SP")


class SpQualitiesOut(BaseModel):
    """All SPs, by code."""

    service_providers: list[SpQualityOut]
    next_cursor: None = Field(default=None, description="there is one page only")


@router.get(
    "/service-providers",
    summary="The quality of every SP, as JSON or CSV",
    response_model=SpQualitiesOut,
    responses={200: {"content": {_CSV: {"schema": {"type": "string"}}}}},
)
async def report_service_providers(
    gateway: GatewayIn,
    first: Annotated[date, Query(alias="from", description="the first day, in Shanghai")],
    last: Annotated[date, Query(alias="to", description="the last day, included")],
    as_format: Annotated[
        Literal["json", "csv"] | None, Query(alias="format", description="goes before the header Accept")
    ] = None,
    accept: Annotated[str | None, Header(description="text/csv for CSV")] = None,
) -> SpQualitiesOut | Response:
    """Cells of the CSV that a spreadsheet would take for a formula are led by an apostrophe."""
    if not EARLIEST.date() <= first <= last < LATEST.date():
        raise ProblemError(422, "from and to: give days such as 2026-03-01, from not behind to.")
    rows = await gateway.management.quality.of_sps(first, last)
    wants_csv = as_format == "csv" or (as_format is None and _CSV in (accept or "").lower())
    if wants_csv:
        return Response(as_csv(rows), media_type=f"{_CSV}; charset=utf-8")
    return SpQualitiesOut(service_providers=[SpQualityOut.model_validate(asdict(row)) for row in rows])
