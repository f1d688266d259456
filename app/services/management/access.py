"""Who may see which rows of customers, and the record of who looked (http-api.md, Management API; safety.md 1).

The one rule of every call that shows or touches them:

| | rows of one customer | lists over many |
|---|---|---|
| `care` | all, with a reason (422 without) | with a reason all, else neither texts nor whole numbers |
| `admin` | all, and former tenures | the same, and former tenures |
| `billing:write` | whole numbers, no texts | neither |
| `read` | neither, with a reason | neither |

Every look at one customer is recorded before she is shown, and each customer of a list of which all is shown.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app.db import access as rows
from app.db.access import AccessFilter, AccessRead
from app.db.session import Database
from app.db.state import current_state
from app.domain.msisdn import bucket_of
from app.domain.values import replace, value
from app.services.ids import IdSource
from app.services.management.tokens import Scope
from app.services.refusals import RefusedError

# A number and its tenure; None: the present one.
TenureRef = tuple[str, int | None]


@value
class View:
    """How much of a row is shown: what people wrote, and their numbers as a whole."""

    texts: bool
    numbers: bool


@value
class Look:
    """A call that looks at rows of customers: who, by which scopes that open it, at what, and why."""

    who: str
    scopes: frozenset[Scope]
    what: str
    reason: str | None

    @property
    def former(self) -> bool:
        """Whether former tenures are shown (safety.md 1)."""
        return Scope.ADMIN in self.scopes

    @property
    def _by_staff(self) -> bool:
        return not self.scopes.isdisjoint({Scope.CARE, Scope.ADMIN})

    @property
    def needs_reason(self) -> bool:
        """Whether nothing of one customer is shown without a reason: people give one, billing looks after its fees."""
        return Scope.ADMIN not in self.scopes and (Scope.CARE in self.scopes or Scope.BILLING_WRITE not in self.scopes)

    def at_one(self) -> View:
        """What is shown of one customer; RefusedError (422) where a reason is due and missing."""
        if self.reason is None and self.needs_reason:
            raise RefusedError(422, "X-Reason: say why, in at least 5 visible characters; it is kept with your name.")
        return View(texts=self._by_staff, numbers=self._by_staff or Scope.BILLING_WRITE in self.scopes)

    def at_many(self) -> View:
        """What is shown in a list over many customers."""
        everything = self._by_staff and self.reason is not None
        return View(texts=everything, numbers=everything)


class Access:
    """Records looks, and reads the records."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids

    async def record(self, look: Look, customers: Sequence[TenureRef]) -> None:
        """Record who looked at these customers, each once, in one statement; also at numbers that are nobody's."""
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

    async def page(self, wanted: AccessFilter, behind: tuple[datetime, str] | None, limit: int) -> list[AccessRead]:
        """Access records, newest first; of one number, those of its present tenure unless another is named."""
        return await self._database.read(partial(_page, wanted=wanted, behind=behind, limit=limit))


def _page(
    connection: Connection, *, wanted: AccessFilter, behind: tuple[datetime, str] | None, limit: int
) -> list[AccessRead]:
    if wanted.msisdn is not None and wanted.tenure is None:
        present = rows.tenures_now(connection, [wanted.msisdn])
        wanted = replace(wanted, tenure=present.get(wanted.msisdn, 0))
    return rows.page(connection, wanted, behind, limit)
