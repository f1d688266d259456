"""The access number and its extensions: the extension says which question a text belongs to (flows.md 1)."""

from enum import StrEnum
from functools import lru_cache

from app.domain.values import value


class Extension(StrEnum):
    """What is written behind the access number; ``FOREIGN`` stands for every number that is not one of ours."""

    COMMANDS = ""
    LISTING = "977"
    CONFIRMATION = "204"
    FEES = "901"
    SPAM = "999"
    CARE = "888"
    FOREIGN = "foreign"


_TWO_DIGITS = 2


@value
class ServiceNumbers:
    """The numbers of this deployment; ``access`` is ``10086`` unless the settings say otherwise."""

    access: str = "10086"

    def number(self, extension: str) -> str:
        """The full number of an extension."""
        return self.access + extension

    def extension(self, dialled: str) -> str:
        """The extension that a customer wrote to, ``FOREIGN`` for a number that we do not run."""
        return _extension(self.access, dialled)

    def own_extension(self, number: str) -> str:
        """The extension of a number that we sent from; the bare one where the settings have changed since."""
        found = self.extension(number)
        return Extension.COMMANDS if found == Extension.FOREIGN else found


# A deployment has a handful of numbers, and every message names one several times.
@lru_cache(maxsize=1000)
def _extension(access: str, dialled: str) -> str:
    digits = dialled.strip().removeprefix("+").removeprefix("00")
    if not digits.startswith(access):
        digits = digits.removeprefix("86")
    if not digits.startswith(access):
        return Extension.FOREIGN
    rest = digits[len(access) :]
    slot = rest.removeprefix(Extension.CONFIRMATION)
    if rest != slot and len(slot) == _TWO_DIGITS and slot.isascii() and slot.isdigit():
        return rest
    known = (Extension.COMMANDS, Extension.LISTING, Extension.FEES, Extension.SPAM, Extension.CARE)
    return rest if rest in known else Extension.FOREIGN
