"""Pages of records of one kind, of one customer or of all, with or without those of former tenures (safety.md 1)."""

from collections.abc import Mapping

from sqlalchemy import Connection

from app.db import access, records
from app.db.records import Ordering, OwnedRecord
from app.domain.msisdn import bucket_of
from app.domain.records import Record
from app.domain.values import value


@value
class OwnerFilter:
    """A number and one of its tenures; None: the present tenure."""

    msisdn: str
    tenure: int | None = None


@value
class PageRequest:
    """A page of a list: up to ``limit`` records after the id ``after``.

    ``former`` includes records of former tenures in a list over all numbers.
    """

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
    """Return records whose columns have the values of ``equal``, ordered by id, or first ``by`` an instant."""
    if owner is not None:
        tenure = owner.tenure
        if tenure is None:
            tenure = access.tenures_now(connection, [owner.msisdn]).get(owner.msisdn, 0)
        mine = {"bucket": bucket_of(owner.msisdn), "msisdn": owner.msisdn, "tenure": tenure}
        equal = {**equal, **mine}
    former = part.former or owner is not None
    return records.page(connection, kind, equal, after=part.after, limit=part.limit, former=former, by=by)
