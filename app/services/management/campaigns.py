"""Campaigns and marketing consents.

A campaign is stored at once and carried out in batches, with one turn for each recipient (flows.md 15).
"""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.commands.outreach.campaigns import SendCampaignMessage
from app.commands.outreach.consent import ConsentGiven, GiveConsent, WithdrawConsent
from app.db import campaigns as rows
from app.db.campaigns import Progress
from app.db.session import Database
from app.db.state import current_state
from app.domain.campaigns import Campaign, Segment, SkipReason
from app.domain.messages import MessageClass
from app.domain.refusals import RefusalReason
from app.domain.values import value
from app.services.ids import IdSource
from app.services.isolation import Isolation
from app.services.paging import Page, PageRequest
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns

__all__ = ["Campaigns", "NewCampaign", "Progress"]

_NUMBERS_PER_BATCH = 200
_ERROR = "error"
log = observability.logger(__name__)


@value
class NewCampaign:
    """A request for a campaign, to either the numbers ``msisdns`` or the customers of ``segment``.

    ``kind`` is the message class, ``who`` the name of the caller's token.
    """

    kind: MessageClass
    text: str
    who: str
    msisdns: tuple[str, ...] = ()
    segment: Segment | None = None


class Campaigns:
    """Starts campaigns, carries them out, reports their progress; records marketing consents."""

    def __init__(
        self,
        database: Database,
        turns: Turns,
        ids: IdSource,
        is_held: Callable[[Connection], bool] = lambda _connection: True,
    ) -> None:
        """``is_held`` returns False in a transaction if another process carries out campaigns by now."""
        self._is_held = is_held
        self._database = database
        self._turns = turns
        self._ids = ids
        self._isolation = Isolation("campaign")

    # ---- consents

    async def give_consent(self, msisdn: str, who: str, source: str) -> ConsentGiven:
        """Record that a subscriber agreed to marketing. Raise RefusedError for a number without a subscriber."""
        return await self._turns.carry_out(msisdn, GiveConsent(who, source))

    async def withdraw_consent(self, msisdn: str, who: str) -> None:
        """Record that a subscriber no longer agrees to marketing. Queued marketing is not sent."""
        await self._turns.carry_out(msisdn, WithdrawConsent(who))

    # ---- campaigns

    async def start(self, wanted: NewCampaign) -> str:
        """Store a campaign, to be carried out by ``step``. Return its id."""
        campaign_id = next(self._ids)
        await self._database.write(partial(_add, campaign_id=campaign_id, wanted=wanted))
        return campaign_id

    async def one(self, campaign_id: str) -> Progress:
        """Return the progress of a campaign. Raise RefusedError if there is none with this id."""
        found = await self._database.read(lambda connection: rows.progress(connection, campaign_id))
        if found is None:
            raise RefusedError(RefusalReason.UNKNOWN, "There is no campaign with this id.")
        return found

    async def page(self, part: PageRequest) -> Page[Progress]:
        """Return campaigns, by id."""
        found = await self._database.read(partial(rows.page, part=part.one_more()))
        return Page.of(found, part.limit, lambda item: item.campaign.id)

    async def step(self) -> bool:
        """Process the next recipients of every unfinished campaign. Return True if there was work to do.

        A batch that a crash interrupts is repeated. Customers who have the campaign's message get no second one.
        """
        return await self._isolation.each(await self._database.read(rows.unfinished_ids), self._process_batch)

    async def _process_batch(self, campaign_id: str) -> bool:
        taken = await self._database.write(partial(self._take, campaign_id=campaign_id))
        if taken is None:
            return False
        running, numbers = taken
        if numbers:
            results = await self._send_to(running, numbers)
            await self._database.write(partial(rows.record_results, campaign_id=campaign_id, results=results))
        elif running.expanded:
            await self._database.write(partial(_finish, campaign_id=campaign_id))
        return True

    def _take(self, connection: Connection, *, campaign_id: str) -> tuple[Campaign, list[str]] | None:
        """Return a campaign and its next numbers; None if another process takes them."""
        if not self._is_held(connection):
            return None
        running = rows.get(connection, campaign_id)
        if not running.expanded:
            rows.expand(connection, campaign_id, _NUMBERS_PER_BATCH)
        return running, rows.waiting(connection, campaign_id, _NUMBERS_PER_BATCH)

    async def _send_to(self, campaign: Campaign, numbers: Sequence[str]) -> dict[str, str | None]:
        stimulus = SendCampaignMessage(campaign.id, campaign.kind, campaign.text, campaign.made_at)
        results = await self._turns.carry_out_all([(msisdn, stimulus) for msisdn in numbers])
        return {msisdn: _skip_reason(result) for msisdn, result in zip(numbers, results, strict=True)}


def _skip_reason(result: SkipReason | Exception | None) -> str | None:
    """Return why a number was skipped, None if it was not. A turn that raised counts as skipped."""
    if not isinstance(result, Exception):
        return result.value if result else None
    log.error("a campaign could not come to a number", trace=observability.trace_of(result))
    return _ERROR


def _add(connection: Connection, *, campaign_id: str, wanted: NewCampaign) -> None:
    now = current_state(connection).now
    made = Campaign(
        campaign_id, wanted.kind, wanted.text, wanted.segment, wanted.who, now, expanded=wanted.segment is None
    )
    rows.add(connection, made, wanted.msisdns)


def _finish(connection: Connection, *, campaign_id: str) -> None:
    rows.finish(connection, campaign_id, current_state(connection).now)
