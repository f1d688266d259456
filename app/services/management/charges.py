"""Charges in the management API: billing announces charges, reports uses and reads the state of both."""

from functools import partial

from app.commands.charges.announcing import AnnounceCharge, AnnouncedCharge, RecordUse, charge_id_of
from app.db import records
from app.db.record_tables import OwnedRecord
from app.db.session import Database
from app.domain.charges import Charge, ChargeState, Use
from app.domain.records import Record
from app.domain.refusals import RefusalReason
from app.domain.values import value
from app.services.management.owners import OwnerFilter, RecordFilter, page_of
from app.services.paging import Page, PageRequest
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns


@value
class OwnedCharge:
    """A charge with its owner."""

    msisdn: str
    tenure: int
    charge: Charge


@value
class ChargeFilter(RecordFilter):
    """Which charges a list contains; None matches every value."""

    state: ChargeState | None = None
    service_code: str | None = None


class Charges:
    """Announces and reads charges."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def announce(self, msisdn: str, wanted: AnnounceCharge) -> AnnouncedCharge:
        """Announce a charge; an equal request is answered with the charge that exists.

        Raise RefusedError without the subscriber's consent to the charge, or if another charge has this id.
        """
        before = await self._find(wanted.charge_id)
        if before is None:
            return await self._turns.carry_out(msisdn, wanted)
        if before.msisdn != msisdn or not wanted.matches(before.charge):
            detail = "charge_id: another charge has this id; send the first body again, or a new id."
            raise RefusedError(RefusalReason.ID_TAKEN, detail)
        return AnnouncedCharge(before.tenure, before.charge, is_new=False)

    async def record_use(self, msisdn: str, used: RecordUse) -> AnnouncedCharge:
        """Record a use of a per-use service and its charge. Raise RefusedError as ``announce`` does."""
        before = await self._owner_of(Use, used.use_id)
        if before not in (None, msisdn):
            raise RefusedError(RefusalReason.ID_TAKEN, "use_id: another customer's use has this id.")
        if before is None and await self._owner_of(Charge, charge_id_of(used.use_id)) not in (None, msisdn):
            detail = "use_id: another charge has the id that this use's would get; take another use_id."
            raise RefusedError(RefusalReason.ID_TAKEN, detail)
        return await self._turns.carry_out(msisdn, used)

    async def _owner_of(self, kind: type[Record], record_id: str) -> str | None:
        found = await self._database.read(partial(records.find, kind=kind, record_id=record_id))
        return found.msisdn if found else None

    async def one(self, charge_id: str, *, former: bool) -> OwnedCharge:
        """Return the charge with billing's id. Raise RefusedError if there is none.

        A former customer's charge is found only with ``former``.
        """
        found = await self._find(charge_id, former=former)
        if found is None:
            raise RefusedError(RefusalReason.UNKNOWN, "There is no charge with this id.")
        return found

    async def _find(self, charge_id: str, *, former: bool = True) -> OwnedCharge | None:
        wanted = partial(records.find, kind=Charge, record_id=charge_id, former=former)
        found = await self._database.read(wanted)
        return _owned(found) if found else None

    async def page(self, wanted: ChargeFilter, owner: OwnerFilter | None, part: PageRequest) -> Page[OwnedCharge]:
        """Return charges, by id; ``owner`` None: of all customers."""
        page = await self._database.read(partial(page_of, kind=Charge, wanted=wanted, owner=owner, part=part))
        return page.map(_owned)


def _owned(found: OwnedRecord) -> OwnedCharge:
    if not isinstance(found.record, Charge):
        raise TypeError("not a charge")
    return OwnedCharge(found.msisdn, found.tenure, found.record)
