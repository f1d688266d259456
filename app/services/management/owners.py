"""Pages of records of one kind, of one customer or of all, with or without those of former tenures (safety.md 1)."""

from collections.abc import Callable
from dataclasses import fields

from sqlalchemy import Connection

from app.db import access, records
from app.db.record_tables import OwnedRecord
from app.db.records import Ordering
from app.domain.msisdn import bucket_of
from app.domain.records import Record
from app.domain.values import value
from app.services.paging import Page, PageRequest


@value
class OwnerFilter:
    """A number and one of its tenures; None: the present tenure."""

    msisdn: str
    tenure: int | None = None


@value
class RecordFilter:
    """The filter of a list of records: each field is a column and the value that it must have; None: any value."""

    def conditions(self) -> dict[str, object]:
        """Return the wanted values by column."""
        given = ((item.name, getattr(self, item.name)) for item in fields(self))
        return {name: wanted for name, wanted in given if wanted is not None}


def record_id(found: OwnedRecord) -> str:
    """Return the cursor of a list in the order of ids."""
    return found.record.id


def page_of(
    connection: Connection,
    *,
    kind: type[Record],
    wanted: RecordFilter,
    owner: OwnerFilter | None,
    part: PageRequest,
    by: Ordering | None = None,
    cursor_of: Callable[[OwnedRecord], str] = record_id,
) -> Page[OwnedRecord]:
    """Return records, ordered by id, or first ``by`` an instant; ``owner`` None: of all customers."""
    equal = wanted.conditions()
    if owner is not None:
        tenure = owner.tenure
        if tenure is None:
            tenure = access.tenures_now(connection, [owner.msisdn]).get(owner.msisdn, 0)
        mine = {"bucket": bucket_of(owner.msisdn), "msisdn": owner.msisdn, "tenure": tenure}
        equal = {**equal, **mine}
    former = part.former or owner is not None
    found = records.page(connection, kind, equal, part.one_more(), former=former, by=by)
    return Page.of(found, part.limit, cursor_of)
