"""Times in requests: RFC 3339; one without an offset means Asia/Shanghai."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

from app.domain.calendar import SHANGHAI


def _with_offset(value: object) -> object:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_with_offset)]
