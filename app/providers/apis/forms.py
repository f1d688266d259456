"""Parsing of parameters in a query string or in a form, as octets: carriers differ in their charsets."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from app.providers.requests import MalformedRequestError

_MOST_FIELDS = 500
Pairs = list[tuple[str, bytes]]


def pairs_of(encoded: bytes) -> Pairs:
    """Return the names and values of a query string or form, in their order. Raise MalformedRequestError."""
    try:
        # In Latin-1 each octet is a character.
        found = parse_qsl(
            encoded.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise MalformedRequestError("The form has too many fields.") from None
    return [(name, value.encode("latin-1")) for name, value in found]


def texts_of(pairs: Pairs) -> dict[str, str]:
    """Return the last value of each name, read as UTF-8. Raise MalformedRequestError."""
    try:
        return {name: value.decode() for name, value in pairs}
    except UnicodeDecodeError:
        raise MalformedRequestError("The form is not in UTF-8.") from None


def needed(form: Mapping[str, str], *names: str) -> tuple[str, ...]:
    """Return the values of these names. Raise MalformedRequestError for one that is missing or empty."""
    missing = [name for name in names if not form.get(name)]
    if missing:
        raise MalformedRequestError(f"There is no {', '.join(missing)}.")
    return tuple(form[name] for name in names)
