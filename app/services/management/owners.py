"""Records of a kind, of one customer or of all, as far as they may be seen (safety.md 1)."""

from collections.abc import Mapping

from sqlalchemy import Connection

from app.db import access, records
from app.db.records import Ordering, OwnedRecord
from app.domain.msisdn import bucket_of
from app.domain.records import Record
from app.domain.values import value


@value
class OwnerFilter:
    """A number, and which of its tenures; None: the present one."""

    msisdn: str
    tenure: int | None = None


@value
class PageRequest:
    """Which part of a list: behind the id ``after``; ``former``: of all numbers, also what is of former tenures."""

    limit: int
    after: str | None = None
    former: bool = False


def page_of(
    connection: Connection,
    *,
    kind: type[Record],
    equal: Mapping[str, object],
    owner: OwnerFilter | None,
    part: PageRequest,
    by: Ordering | None = None,
) -> list[OwnedRecord]:
    """Records by id, or ``by`` an instant first, whose columns hold what ``equal`` says."""
    if owner is not None:
        tenure = owner.tenure
        if tenure is None:
            tenure = access.tenures_now(connection, [owner.msisdn]).get(owner.msisdn, 0)
        mine = {"bucket": bucket_of(owner.msisdn), "msisdn": owner.msisdn, "tenure": tenure}
        equal = {**equal, **mine}
    former = part.former or owner is not None
    return records.page(connection, kind, equal, after=part.after, limit=part.limit, former=former, by=by)
