"""Times in requests: RFC 3339, between 1970 and 2200; one without an offset means Asia/Shanghai."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from app.domain.calendar import EARLIEST, LATEST, SHANGHAI, believable


def _with_offset(value: object) -> object:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return value


def _believable(moment: datetime) -> datetime:
    if not believable(moment):
        raise ValueError(f"must be between {EARLIEST.year} and {LATEST.year}")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_with_offset), AfterValidator(_believable)]
