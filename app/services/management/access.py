"""Access control and access records for calls that show or change rows of customers.

What each scope shows:

| scope | rows of one customer | lists over many customers |
|---|---|---|
| `care` | texts and whole numbers; a reason is required (refused without) | both with a reason, else neither |
| `admin` | texts and whole numbers, also of former tenures | as `care`, also of former tenures |
| `billing:write` | whole numbers, no texts | neither |
| `read` | neither; a reason is required | neither |

An access record is written before one customer's rows are shown, and for each customer of a list that shows whole
numbers (http-api.md, Management API; safety.md 1).
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from app.db import access as rows
from app.db.access import AccessFilter, AccessRead
from app.db.session import Database
from app.db.state import current_state
from app.db.types import to_micros
from app.domain.msisdn import bucket_of
from app.domain.refusals import RefusalReason
from app.domain.values import replace, value
from app.services.ids import IdSource
from app.services.management.tokens import Scope
from app.services.paging import Page, PageRequest, Part
from app.services.refusals import RefusedError

__all__ = ["Access", "AccessFilter", "AccessRead", "Look", "TenureRef", "View"]

# An MSISDN and one of its tenures; None: the present tenure.
TenureRef = tuple[str, int | None]


@value
class View:
    """Which parts of a row are shown: texts that people wrote (else left out) and whole numbers (else masked)."""

    texts: bool
    numbers: bool


@value
class Look:
    """A call that reads rows of customers.

    Attributes:
        who: the name of the caller's token.
        scopes: those of the caller's scopes that permit this call.
        what: what the call shows, in the words of the access record.
        reason: why, from the header ``X-Reason``; None if the header is missing or says too little.
    """

    who: str
    scopes: frozenset[Scope]
    what: str
    reason: str | None

    @property
    def former(self) -> bool:
        """True if former tenures are shown (safety.md 1)."""
        return Scope.ADMIN in self.scopes

    @property
    def _by_staff(self) -> bool:
        return not self.scopes.isdisjoint({Scope.CARE, Scope.ADMIN})

    @property
    def needs_reason(self) -> bool:
        """True if one customer's rows are shown only with a reason. Billing needs none for its own charges."""
        return Scope.ADMIN not in self.scopes and (Scope.CARE in self.scopes or Scope.BILLING_WRITE not in self.scopes)

    def at_one(self) -> View:
        """Return what is shown of one customer. Raise RefusedError if a required reason is missing."""
        if self.reason is None and self.needs_reason:
            raise RefusedError(RefusalReason.REASON_MISSING)
        return View(texts=self._by_staff, numbers=self._by_staff or Scope.BILLING_WRITE in self.scopes)

    def at_many(self) -> View:
        """Return what is shown in a list over many customers."""
        everything = self._by_staff and self.reason is not None
        return View(texts=everything, numbers=everything)


class Access:
    """Writes and reads access records."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids

    async def record(self, look: Look, customers: Sequence[TenureRef]) -> None:
        """Record a call's access to these customers, each once, in one statement.

        Numbers without a subscriber are recorded too, with tenure 0.
        """
        if customers:
            await self._database.write(partial(self._record, look=look, customers=tuple(dict.fromkeys(customers))))

    def _record(self, connection: Connection, *, look: Look, customers: Sequence[TenureRef]) -> None:
        at = current_state(connection).now
        present = rows.tenures_now(connection, [msisdn for msisdn, tenure in customers if tenure is None])
        noted = [
            {
                "bucket": bucket_of(msisdn), "msisdn": msisdn,
                "tenure": present.get(msisdn, 0) if tenure is None else tenure, "id": next(self._ids),
                "who": look.who, "what": look.what, "reason": look.reason, "at": at,
            }
            for msisdn, tenure in customers
        ]  # fmt: skip
        rows.record_access(connection, noted)

    async def page(self, wanted: AccessFilter, part: PageRequest) -> Page[AccessRead]:
        """Return access records, by time. A filter by number without a tenure means its present tenure."""
        found = await self._database.read(partial(_page, wanted=wanted, part=part.one_more()))
        return Page.of(found, part.limit, lambda item: f"{to_micros(item.at)}.{item.id}")


def _page(connection: Connection, *, wanted: AccessFilter, part: Part) -> list[AccessRead]:
    if wanted.msisdn is not None and wanted.tenure is None:
        present = rows.tenures_now(connection, [wanted.msisdn])
        wanted = replace(wanted, tenure=present.get(wanted.msisdn, 0))
    return rows.page(connection, wanted, part)
