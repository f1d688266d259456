"""Types of settings: lengths of time, host names, and the base class of the settings file's models."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_LENGTH = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _parse_length(value: object) -> object:
    """Return the timedelta of a length such as ``90s``, ``30m``, ``2h`` or ``1d``."""
    match = _LENGTH.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a length such as "2h", "30m" or "90s"')
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


Length = Annotated[timedelta, BeforeValidator(_parse_length)]


_HOST = re.compile(r"(?:[a-z0-9-]*[a-z-]\.)+[a-z]{2,}")


def _parse_host(value: object) -> object:
    """Return a host name such as ``shop.example`` in lower case: without a scheme, port or path."""
    host = value.lower() if isinstance(value, str) else ""
    if not _HOST.fullmatch(host):
        raise ValueError('must be a host such as "shop.example", without https://, a path or a digit before a dot')
    return host


Host = Annotated[str, BeforeValidator(_parse_host)]


class FileModel(BaseModel):
    """Base of the settings file's models. Unknown names are refused, and errors quote no values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
