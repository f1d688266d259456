"""Field types for times. Requests: RFC 3339, from 1970 to 2200; without an offset, and in answers: Asia/Shanghai."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from app.domain.calendar import EARLIEST, LATEST, SHANGHAI, is_believable
from app.domain.months import is_month


def _with_offset(value: object) -> object:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("must be a time such as 2026-03-01T10:00:00+08:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def _believable(moment: datetime) -> datetime:
    if not is_believable(moment):
        raise ValueError(f"must be between {EARLIEST.year} and {LATEST.year}")
    return moment


def _in_shanghai(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI)


# A time in a request.
Moment = Annotated[AwareDatetime, BeforeValidator(_with_offset), AfterValidator(_believable)]
# A time in an answer.
ShanghaiTime = Annotated[datetime, AfterValidator(_in_shanghai)]


def _month(text: str) -> str:
    if not is_month(text):
        raise ValueError("must be a month such as 2026-03")
    return text


# A calendar month in Asia/Shanghai, such as 2026-03.
Month = Annotated[str, Field(max_length=7, examples=["2026-03"]), AfterValidator(_month)]
