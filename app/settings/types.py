"""What the models of the settings file are made of."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_LENGTH = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _length(value: object) -> object:
    """``2h``, ``30m``, ``24h``."""
    found = _LENGTH.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a length such as "2h", "30m" or "90s"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


Length = Annotated[timedelta, BeforeValidator(_length)]


class FileModel(BaseModel):
    """A part of the settings file; unknown names are refused, and no error quotes a value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
