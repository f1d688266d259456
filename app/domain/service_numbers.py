"""The access number and its extensions: the extension says which question a text belongs to (flows.md 1)."""

from enum import StrEnum
from functools import lru_cache

from app.domain.values import value


class Extension(StrEnum):
    """What is written behind the access number."""

    COMMANDS = ""
    LISTING = "977"
    CONFIRMATION = "204"
    FEES = "901"
    SPAM = "999"
    CARE = "888"


_TWO_DIGITS = 2


@value
class ServiceNumbers:
    """The numbers of this deployment; ``access`` is ``10086`` unless the settings say otherwise."""

    access: str = "10086"

    def number(self, extension: str) -> str:
        """The full number of an extension."""
        return self.access + extension

    def extension(self, dialled: str) -> str:
        """The extension that a customer wrote to; one that we do not run counts as the bare access number."""
        return _extension(self.access, dialled)


# A deployment has a handful of numbers, and every message names one several times.
@lru_cache(maxsize=1000)
def _extension(access: str, dialled: str) -> str:
    digits = dialled.strip().removeprefix("+").removeprefix("00")
    if not digits.startswith(access):
        digits = digits.removeprefix("86")
    if not digits.startswith(access):
        return Extension.COMMANDS
    rest = digits[len(access) :]
    slot = rest.removeprefix(Extension.CONFIRMATION)
    if rest != slot and len(slot) == _TWO_DIGITS and slot.isascii() and slot.isdigit():
        return rest
    known = (Extension.LISTING, Extension.FEES, Extension.SPAM, Extension.CARE)
    return rest if rest in known else Extension.COMMANDS
