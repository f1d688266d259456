"""The access number and its extensions, which say which question a text belongs to (flows.md 1)."""

from enum import StrEnum
from functools import lru_cache

from app.domain.values import value


class Extension(StrEnum):
    """The extension that follows the access number. ``FOREIGN`` stands for every number that is not the gateway's.

    A confirmation number has two more digits, such as ``20417``.
    """

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
    """The service numbers of this deployment; ``access`` is its access number."""

    access: str = "10086"

    def number(self, extension: str) -> str:
        """Return the service number with this extension."""
        return self.access + extension

    def extension(self, dialled: str) -> str:
        """Return the extension that an MO was sent to, or ``FOREIGN`` if the number is not the gateway's."""
        return _extension(self.access, dialled)

    def own_extension(self, number: str) -> str:
        """Return the extension that an MT was sent from; none if the access number has changed since."""
        extension = self.extension(number)
        return Extension.COMMANDS if extension == Extension.FOREIGN else extension


# Cached: a deployment has few numbers, and each message looks one up several times.
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
