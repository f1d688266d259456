"""What every route of the management API declares of itself: whether it shows rows of customers, and to whom.

``needs`` opens a route that shows none but what its caller has sent. ``Sees`` opens one that does: it is handed a
``RowAccess``, through which each row leaves, so that the rule of ``app/services/management/access.py`` is applied and
the look is recorded in one place.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, Field

from app import observability
from app.domain.msisdn import masked
from app.services.management.access import Access, Look, View
from app.services.management.tokens import Scope
from app.web.dependencies import CallerIn, GatewayIn, ReasonIn, needs


class OwnedRow(Protocol):
    """A row with whose it is."""

    @property
    def msisdn(self) -> str | None:
        """The customer's number; None: nobody's."""

    @property
    def tenure(self) -> int | None:
        """Which of its holders; None: the present one."""


_F = TypeVar("_F", bound=OwnedRow)
_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")
# Ids of ours, of which some hold eleven digits that would look like a number.
_ID = re.compile("([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_MIN_MSISDN_DIGITS = 9
_PRIVATE = object()
# A field with what people wrote; left out where the caller may not see it.
Private = Annotated[
    str | None, _PRIVATE, Field(description="for scopes care and admin only; in lists over many, only with X-Reason")
]


class RowAccess:
    """One call that looks at rows of customers."""

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
        """Why, if a reason was given."""
        return self._look.reason

    @property
    def former(self) -> bool:
        """Whether former tenures are shown."""
        return self._look.former

    def may(self, *scopes: Scope) -> bool:
        """Whether one of these scopes, or admin, opened the route."""
        return self.former or not self._look.scopes.isdisjoint(scopes)

    def require_reason(self) -> None:
        """This call is about one customer, whoever she is: a 422 where a reason is due, before she is looked up."""
        self._look.at_one()

    async def record(self, msisdn: str, tenure: int | None = None) -> None:
        """This call is about this customer: a reason may be due (422), and the look is recorded before she is shown."""
        self._view = self._look.at_one()
        await self._access.record(self._look, [(msisdn, tenure)])
        self._recorded_msisdn = msisdn

    def unfiltered(self, shown: _M) -> _M:
        """What the caller has just sent, said back to it."""
        return shown

    def without_owner(self, shown: _M) -> _M:
        """Something for many that is about no customer alone, such as a campaign."""
        return _visible(shown, self._look.at_many(), None)

    async def row(self, found: _F, out: Callable[[_F], _M]) -> _M:
        """A row that was found by its id, or that this call is about, as far as the caller may see it."""
        if found.msisdn is not None and found.msisdn != self._recorded_msisdn:
            await self.record(found.msisdn, found.tenure)
        return _visible(out(found), self._view or self._look.at_many(), found.msisdn)

    async def rows(self, found: Sequence[_F], out: Callable[[_F], _M]) -> list[_M]:
        """Rows of a list; over many customers, each is recorded of whom everything is shown."""
        view = self._view or self._look.at_many()
        if self._view is None and view.numbers:
            await self._access.record(self._look, [(item.msisdn, item.tenure) for item in found if item.msisdn])
        return [_visible(out(item), view, item.msisdn) for item in found]


class Sees:
    """A dependency: the caller has one of these scopes, or admin, and looks at rows of customers.

    ``what`` is how its access records call it.
    """

    def __init__(self, what: str, *scopes: Scope) -> None:
        self.what = what
        self._needs = needs(*scopes)
        self.scopes = frozenset({*scopes, Scope.ADMIN})

    async def __call__(self, caller: CallerIn, gateway: GatewayIn, reason: ReasonIn = None) -> RowAccess:
        """What the route looks through."""
        await self._needs(caller)
        opened = frozenset(scope for scope in self.scopes if scope in caller.scopes)
        return RowAccess(gateway.management.access, Look(caller.name, opened, self.what, reason))


def next_cursor(found: Sequence[_T], limit: int, key: Callable[[_T], str]) -> str | None:
    """Where the next page begins, of one more row than a page has."""
    return key(found[limit - 1]) if len(found) > limit else None


# ---- what is left of a row


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
    """A value with every number in it masked, its own and others', wherever it stands."""
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
    if msisdn is not None and len(msisdn) >= _MIN_MSISDN_DIGITS:  # else a short code, which is nobody's
        text = text.replace(msisdn, masked(msisdn))
    return "".join(
        piece if place % 2 else observability.masked_text(piece) for place, piece in enumerate(_ID.split(text))
    )
