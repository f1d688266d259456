"""A campaign reaches each number once, whenever the process that carries it out dies, and another one goes on."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from app.db.outbound_messages import outbound_message
from app.domain.messages import MessageClass
from app.services.management import campaigns as module
from app.services.management.campaigns import Campaigns, NewCampaign
from tests.running import ALICE, Running

pytestmark = pytest.mark.anyio
NUMBERS, BATCH, MOST_COMMITS = 3, 2, 12


class KilledError(BaseException):
    """The process ends here."""


class Mortal:
    """A database and turns whose process dies after a number of commits."""

    def __init__(self, gateway: Running, commits: int) -> None:
        self._database = gateway.gateway.storage.database
        self._turns = gateway.gateway.turning.turns
        self._left = commits

    def _commit(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise KilledError

    async def write(self, work: Callable[[Connection], Any]) -> object:
        done = await self._database.write(work)
        self._commit()
        return done

    async def read(self, work: Callable[[Connection], Any]) -> object:
        return await self._database.read(work)

    async def carry_out_all(self, given: Any) -> object:  # noqa: ANN401  handed on
        done = await self._turns.carry_out_all(given)
        self._commit()
        return done


def by(gateway: Running, mortal: Mortal) -> Campaigns:
    return Campaigns(mortal, mortal, gateway.gateway.storage.ids)  # type: ignore[arg-type]  # as far as it uses them


async def test_each_number_is_reached_once_whichever_commit_is_the_last(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NUMBERS_PER_BATCH", BATCH)
    campaigns = gateway.gateway.management.campaigns
    for commits in range(1, MOST_COMMITS):
        numbers = [f"+8613700{commits:03}{place:03}" for place in range(NUMBERS)]
        for number in numbers:
            await gateway.subscriber(number)
        async with gateway.gateway.engine.paused():
            campaign_id = await campaigns.start(NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", tuple(numbers)))
            survived = False
            try:
                dying = by(gateway, Mortal(gateway, commits))
                while await dying.step():
                    pass
                survived = True
            except KilledError:
                pass
            while await campaigns.step():
                pass
        progress = await campaigns.one(campaign_id)
        assert (progress.waiting, dict(progress.skipped), progress.done_at is not None) == (0, {}, True), commits
        assert await gateway.count(outbound_message, outbound_message.c.msisdn.in_(numbers)) == NUMBERS, commits
        if survived:
            return
    pytest.fail("it never came to its end")


async def test_who_lost_the_duty_takes_no_numbers(gateway: Running) -> None:
    parts = gateway.gateway
    async with parts.engine.paused():
        campaign_id = await parts.management.campaigns.start(NewCampaign(MessageClass.CARE, "祝您好", "test", (ALICE,)))
        lost = Campaigns(parts.storage.database, parts.turning.turns, parts.storage.ids, lambda _connection: False)
        assert not await lost.step()
        assert (await parts.management.campaigns.one(campaign_id)).waiting == 1
