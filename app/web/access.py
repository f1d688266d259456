"""Access control of the management API: which routes show rows of customers, and to whom.

A route that shows only what its caller has sent declares ``needs``. A route that shows rows of customers declares
``Sees`` and returns each row through the ``RowAccess`` that it is given. So the rules of
``app/services/management/access.py`` are applied, and accesses recorded, in one place.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, Field

from app import observability
from app.domain.msisdn import masked
from app.services.management.access import Access, Look, View
from app.services.management.tokens import Scope
from app.web.dependencies import CallerIn, ManagementIn, ReasonIn, needs


class OwnedRow(Protocol):
    """A row with its owner."""

    @property
    def msisdn(self) -> str | None:
        """The customer's number, None if the row belongs to nobody."""

    @property
    def tenure(self) -> int | None:
        """The tenure of the number, None for the present one."""


_F = TypeVar("_F", bound=OwnedRow)
_M = TypeVar("_M", bound=BaseModel)
_MIN_MSISDN_DIGITS = 9
_PRIVATE = object()
# A field with text that people wrote. It is None where the caller may not see it.
Private = Annotated[
    str | None, _PRIVATE, Field(description="for scopes care and admin only; in lists over many, only with X-Reason")
]


class RowAccess:
    """The access of one call to rows of customers: records it and masks what the caller may not see."""

    def __init__(self, access: Access, look: Look) -> None:
        self._access = access
        self._look = look
        self._view: View | None = None
        self._recorded_msisdn: str | None = None

    @property
    def who(self) -> str:
        """The name of the caller's token."""
        return self._look.who

    @property
    def reason(self) -> str | None:
        """The caller's reason, None if none was given."""
        return self._look.reason

    @property
    def former(self) -> bool:
        """True if former tenures are shown."""
        return self._look.former

    def may(self, *scopes: Scope) -> bool:
        """Return True if one of these scopes, or admin, opened the route."""
        return self.former or not self._look.scopes.isdisjoint(scopes)

    def require_reason(self) -> None:
        """Raise RefusedError (422) if one customer may not be shown without a reason and none was given."""
        self._look.at_one()

    async def record(self, msisdn: str, tenure: int | None = None) -> None:
        """Record an access to one customer, before anything of them is shown.

        Raises RefusedError (422) if a reason is required and missing.
        """
        self._view = self._look.at_one()
        await self._access.record(self._look, [(msisdn, tenure)])
        self._recorded_msisdn = msisdn

    async def note(self, msisdn: str) -> None:
        """Record an access to one customer by the system that writes their data, which needs no reason."""
        await self._access.record(self._look, [(msisdn, None)])

    def unfiltered(self, shown: _M) -> _M:
        """Return what the caller itself has sent, or is the receiver of, without masking anything."""
        return shown

    def without_owner(self, shown: _M) -> _M:
        """Return something that belongs to no single customer, such as a campaign, as far as the caller may see it."""
        return _visible(shown, self._look.at_many(), None)

    async def row(self, found: _F, out: Callable[[_F], _M]) -> _M:
        """Return one row as far as the caller may see it; record the access to its owner unless that was done."""
        if found.msisdn is not None and found.msisdn != self._recorded_msisdn:
            await self.record(found.msisdn, found.tenure)
        return _visible(out(found), self._view or self._look.at_many(), found.msisdn)

    async def rows(self, found: Sequence[_F], out: Callable[[_F], _M]) -> list[_M]:
        """Return rows of a list as far as the caller may see them.

        In a list over many customers, the access to each of them is recorded if they are shown unmasked.
        """
        view = self._view or self._look.at_many()
        if self._view is None and view.numbers:
            await self._access.record(self._look, [(item.msisdn, item.tenure) for item in found if item.msisdn])
        return [_visible(out(item), view, item.msisdn) for item in found]


class Sees:
    """A dependency of routes that show rows of customers: the caller needs one of these scopes, or admin.

    ``what`` is the name of the call in access records.
    """

    def __init__(self, what: str, *scopes: Scope) -> None:
        self.what = what
        self._needs = needs(*scopes)
        self.scopes = frozenset({*scopes, Scope.ADMIN})

    async def __call__(self, caller: CallerIn, management: ManagementIn, reason: ReasonIn = None) -> RowAccess:
        """Return the caller's access; raise ProblemError (401, 403) if it has none."""
        await self._needs(caller)
        opened = frozenset(scope for scope in self.scopes if scope in caller.scopes)
        return RowAccess(management.access, Look(caller.name, opened, self.what, reason))


# ---- masking


def _visible(shown: _M, view: View, msisdn: str | None) -> _M:
    return shown if view.texts and view.numbers else _filtered(shown, view, msisdn)


def _filtered(shown: _M, view: View, msisdn: str | None) -> _M:
    fields = type(shown).model_fields
    kept = {
        name: None
        if _PRIVATE in field.metadata and not view.texts
        else _masked_value(getattr(shown, name), view, msisdn)
        for name, field in fields.items()
    }
    return shown.model_copy(update=kept)


def _masked_value(held: Any, view: View, msisdn: str | None) -> Any:  # noqa: ANN401  whatever a model holds
    """Return a value with every phone number in it masked, the owner's and others'."""
    match held:
        case BaseModel():
            return _filtered(held, view, msisdn)
        case list():
            return [_masked_value(item, view, msisdn) for item in held]
        case dict():
            return {key: _masked_value(item, view, msisdn) for key, item in held.items()}
        case str() if not isinstance(held, Enum) and not view.numbers:
            return _masked_text(held, msisdn)
    return held


def _masked_text(text: str, msisdn: str | None) -> str:
    if msisdn is not None and len(msisdn) >= _MIN_MSISDN_DIGITS:  # else a short code
        text = text.replace(msisdn, masked(msisdn))
    return observability.masked_text(text)
