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


_HOST = re.compile(r"(?:[a-z0-9-]*[a-z-]\.)+[a-z]{2,}")


def _host(value: object) -> object:
    """``shop.example``: a host and no more, so that what is below it is ours."""
    host = value.lower() if isinstance(value, str) else ""
    if not _HOST.fullmatch(host):
        raise ValueError('must be a host such as "shop.example", without https://, a path or a digit before a dot')
    return host


Host = Annotated[str, BeforeValidator(_host)]


class FileModel(BaseModel):
    """A part of the settings file; unknown names are refused, and no error quotes a value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
