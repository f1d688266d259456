"""New terms of a service: announced once, then put to every subscriber who has it (safety.md 3)."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.db import terms
from app.db.catalogue import load_catalogue
from app.db.session import Database
from app.db.state import current_state, lock_catalogue
from app.db.terms import TermsChange
from app.db.timers import StoredTimer, set_timers
from app.domain.catalogue import FREE_COSTS_NOTHING, CancelEffect
from app.domain.refusals import RefusalReason
from app.services.ids import IdSource
from app.services.isolation import Isolation
from app.services.refusals import RefusedError

_HOLDERS_PER_BATCH = 500


class TermsChanges:
    """Announces new terms and sets a timer for every holder, in batches. The timer's turn asks the subscriber."""

    def __init__(self, database: Database, ids: IdSource, notice: timedelta) -> None:
        """``notice`` is the shortest time between an announcement and the day on which the terms take effect."""
        self._database = database
        self._ids = ids
        self._notice = notice
        self._isolation = Isolation("new terms")

    async def announce(
        self, service_code: str, price_fen: int, cancel_effect: CancelEffect | None, takes_effect_at: datetime, who: str
    ) -> TermsChange:
        """Store new terms, to be put to the holders by ``step``.

        ``cancel_effect`` None keeps the present one; ``takes_effect_at`` is aware; ``who`` names the caller's token.
        Raise RefusedError without such a service, if new terms are announced already, for a price that the service's
        billing does not allow, or for a time that leaves too little notice.
        """
        work = partial(
            self._announce,
            service_code=service_code,
            price_fen=price_fen,
            cancel_effect=cancel_effect,
            takes_effect_at=takes_effect_at,
            who=who,
        )
        return await self._database.write(work)

    def _announce(
        self,
        connection: Connection,
        *,
        service_code: str,
        price_fen: int,
        cancel_effect: CancelEffect | None,
        takes_effect_at: datetime,
        who: str,
    ) -> TermsChange:
        lock_catalogue(connection)
        service = load_catalogue(connection).services.get(service_code)
        if service is None:
            raise RefusedError(RefusalReason.UNKNOWN_SERVICE)
        if not service.billing.allows(price_fen):
            raise RefusedError(RefusalReason.INVALID, FREE_COSTS_NOTHING)
        now = current_state(connection).now
        if takes_effect_at < now + self._notice:
            hours = self._notice // timedelta(hours=1)
            raise RefusedError(
                RefusalReason.INVALID, f"takes_effect_at: must leave customers at least {hours} hours to answer."
            )
        if terms.is_announced(connection, service_code, now):
            raise RefusedError(
                RefusalReason.CONFLICT, "New terms of this service are announced already; wait for their day."
            )
        effect = cancel_effect or service.cancel_effect
        change = TermsChange(next(self._ids), service_code, price_fen, effect, takes_effect_at, who, now)
        terms.announce(connection, change)
        return change

    async def step(self) -> bool:
        """Set the timers of the next batch of holders. Return True if there was work to do.

        Progress is stored, so that a restart continues where the process ended.
        """
        return await self._isolation.each(await self._database.read(terms.unfinished_ids), self._process_batch)

    async def _process_batch(self, change_id: str) -> bool:
        return await self._database.write(partial(_set_timers_of_next_holders, change_id=change_id))


def _set_timers_of_next_holders(connection: Connection, *, change_id: str) -> bool:
    found = terms.next_holders(connection, change_id, _HOLDERS_PER_BATCH)
    if found is None:
        return False
    change, holders = found
    now = current_state(connection).now
    data = AnnouncedTerms(change.id, change.price_fen, change.cancel_effect, change.takes_effect_at, change.who).text()
    set_timers(
        connection,
        [
            StoredTimer(holder.bucket, holder.msisdn, holder.tenure, NEW_TERMS, holder.subscription_id, now, data)
            for holder in holders
        ],
    )
    terms.save_progress(connection, change, holders, now)
    return True
