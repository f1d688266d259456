"""Versions: short hashes by which a caller tells whether something changed since it was read."""

import hashlib
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime

_LENGTH = 20
# The version of whatever there is.
ANY = "*"


def version_of(item: object, *, without: Collection[str] = ()) -> str:
    """Return the version of a value, a hash of its fields but those in ``without``."""
    return hashlib.sha256(_text(item, without).encode()).hexdigest()[:_LENGTH]


def _text(item: object, without: Collection[str] = ()) -> str:
    if isinstance(item, datetime):
        return item.astimezone(UTC).isoformat()
    if is_dataclass(item):
        shown = [f"{one.name}={_text(getattr(item, one.name))!r}" for one in fields(item) if one.name not in without]
        return ",".join(shown)
    return str(item)


def fits(expected: Collection[str] | None, present: str | None) -> bool:
    """Return True if a change may be made: what there is now has one of the expected versions.

    ``expected`` None: whatever there is. ``present`` None: there is nothing.
    """
    if expected is None:
        return True
    return present is not None and (ANY in expected or present in expected)
