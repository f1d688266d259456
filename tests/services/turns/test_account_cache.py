"""Cached accounts are right, or not used (ADR 16). A fixture checks that in all other tests as well."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, func, select, update

from app.commands.accounts.directory import SetSubscriber
from app.db import accounts, conversations
from app.db.accounts import LookBack
from app.db.conversations import LockedConversation, conversation
from app.db.keys import TenureKey
from app.db.rows import Row
from app.domain.account import Account, Language
from app.domain.evidence import ChainHead
from app.domain.heads import HeadKeys
from app.domain.limits import Limits
from app.domain.turn import Postponed
from app.services.ids import IdSource
from app.services.turns.account_cache import AccountCache
from app.services.turns.codec import AccountCodec
from app.services.turns.pending import PendingAccount
from app.services.turns.unit_of_work import UnitOfWork
from tests.commands.world import shanghai
from tests.running import ALICE, Running, running, settings_for

NUMBERS = [f"+86138002{number:05}" for number in range(4)]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The numbers whose accounts turns load from the database."""
    found: list[str] = []
    load = accounts.load_accounts

    def noted(connection: Connection, tenures: Sequence[TenureKey], back: LookBack) -> object:
        found.extend(msisdn for _, msisdn, _ in tenures)
        return load(connection, tenures, back)

    monkeypatch.setattr(accounts, "load_accounts", noted)
    return found


class TestCache:
    """The cache alone: which accounts it returns."""

    @staticmethod
    def locked(msisdn: str, version: str | None) -> list[LockedConversation]:
        return [LockedConversation(1, msisdn, 1, None, version)]

    def test_an_account_is_cached_while_the_row_names_the_batch_that_wrote_it(self) -> None:
        cache = AccountCache()
        cache.put("v1", [(Account(ALICE), ChainHead())])

        assert cache.get(self.locked(ALICE, "v1"))[ALICE].account == Account(ALICE)
        assert cache.get(self.locked(ALICE, "v2")) == {}
        assert cache.get(self.locked(ALICE, None)) == {}
        assert cache.get(self.locked(NUMBERS[0], "v1")) == {}

    def test_the_longest_unchanged_accounts_are_evicted_first(self) -> None:
        cache = AccountCache(max_size=2)
        for msisdn in (*NUMBERS[:2], NUMBERS[0], NUMBERS[2]):
            cache.put("v1", [(Account(msisdn), ChainHead())])

        known = [msisdn for msisdn in NUMBERS if cache.get(self.locked(msisdn, "v1"))]
        assert known == [NUMBERS[0], NUMBERS[2]]


def test_of_a_message_that_is_kept_for_later_only_the_limits_are_cached() -> None:
    now = shanghai("2026-03-02 10:00")
    entry = PendingAccount(LockedConversation(1, ALICE, 0, None, None), Account(ALICE), ChainHead())
    limits = Limits(in_minute=31)
    work = UnitOfWork(AccountCodec([]), IdSource(), HeadKeys([b"k" * 32]))

    work.postpone(entry, "m-1", Postponed(now, limits))

    assert entry.account == Account(ALICE, limits=limits)
    assert list(work.changed) == [ALICE]


@pytest.mark.anyio
class TestTurns:
    """The cache in turns, on both databases."""

    async def test_a_dialogue_loads_its_account_once(self, gateway: Running, loaded: list[str]) -> None:
        turns = [*await gateway.say("0000"), *await gateway.say("1"), *await gateway.say("0000")]

        assert len(turns) >= 3
        # Once by the first turn, and once a message by the fixture that compares cached accounts with loaded ones.
        assert loaded.count(ALICE) == 1 + 3

    async def test_what_another_gateway_changes_is_seen(self, postgresql_url: str) -> None:
        english = SetSubscriber(who="test", given=frozenset({"language"}), create=False, language=Language.EN)
        async with running(settings_for(postgresql_url)) as gateway, running(settings_for(postgresql_url)) as other:
            chinese = await gateway.say("0000")
            await other.gateway.management.directory.set_subscriber(ALICE, english)

            assert (await gateway.say("0000"))[0] != chinese[0]

    async def test_a_batch_that_was_rolled_back_is_not_cached(
        self, gateway: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await gateway.say("0000")
        save = conversations.save_conversations
        failures = iter([True])

        def broken(connection: Connection, rows: Sequence[Row]) -> None:
            save(connection, rows)
            if next(failures, False):
                raise RuntimeError("the disk is full")

        monkeypatch.setattr(conversations, "save_conversations", broken)
        first = await gateway.say("1")
        second = await gateway.say("0000")

        assert len(first) == 1
        assert len(second) >= 1

    async def test_items_that_ended_long_ago_are_left_out_of_a_cached_account(
        self, gateway: Running, loaded: list[str]
    ) -> None:
        await gateway.say("0000")
        await gateway.say("1")
        await gateway.advance(days=40)
        loaded.clear()
        [before] = await gateway.rows(conversation, conversation.c.msisdn == ALICE)
        await gateway.say("0000")

        # It is taken from the cache. The fixture compares it with the account in the database, without what ended.
        assert before["version"] is not None
        assert loaded.count(ALICE) == 1

    async def test_a_row_that_names_no_batch_is_loaded(self, gateway: Running, loaded: list[str]) -> None:
        await gateway.say("0000")
        await gateway.gateway.storage.database.write(
            lambda connection: connection.execute(update(conversation).values(version=None)).rowcount
        )
        loaded.clear()
        await gateway.say("0000")

        assert loaded.count(ALICE) == 2
        named = select(func.count()).where(conversation.c.version.is_not(None))
        assert (
            await gateway.gateway.storage.database.read(lambda connection: connection.execute(named).scalar_one()) == 1
        )
