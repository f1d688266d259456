"""Nothing that looks like a password is stored or logged after its turn (safety.md 28)."""

import io
import json
from pathlib import Path

import pytest
from sqlalchemy import Table

from app.db import schema
from app.db.inbox import inbound_message
from app.db.record_tables import RECORD_TABLES
from app.db.subscribers import subscriber
from app.domain.passwords import PasswordCheck, PasswordTries
from app.services.management.owners import OwnerFilter
from app.services.paging import PageRequest
from app.services.turns.passwords import PasswordChecks, check_password, hash_password
from tests.running import ALICE, START, Running, running, settings_for
from tests.services.trouble import add_trouble

pytestmark = pytest.mark.anyio
TEXTS = (
    "XGMM#135790#246813#246813",
    "xgmm 135790 246813 246813",
    "ＸＧＭＭ＃１３５７９０＃２４６８１３",
    "X G M M#135790",
    "135790#246813",
    "1 3 5 7 9 0*246813",
    "QX135790#246813",
    "退订135790#246813",
)
SECRETS = ("135790", "246813", "１３５７９０", "1 3 5 7 9 0")


OLD, NEW = "135790", "246813"


async def set_password(gateway: Running, msisdn: str = ALICE) -> None:
    """Set the password of a subscriber, and send the notice of it."""
    await gateway.subscriber(msisdn, password_hash=hash_password(OLD))
    await gateway.drain()


async def everything_stored(gateway: Running) -> str:
    """Return all rows of all tables as text."""
    found: list[str] = []
    for table in schema.metadata.sorted_tables:
        assert isinstance(table, Table)
        found += [str(dict(row)) for row in await gateway.rows(table)]
    return "\n".join(found)


async def test_no_table_holds_a_password_after_its_turn(gateway: Running, log: io.StringIO) -> None:
    await gateway.say("0000")
    for text in TEXTS:
        await gateway.say(text, "10086977")

    stored = await everything_stored(gateway)
    for secret in SECRETS:
        assert secret not in stored
        assert secret not in log.getvalue()
    assert [row["sealed"] for row in await gateway.rows(inbound_message)] == [None] * (len(TEXTS) + 1)
    assert "******" in (await gateway.thread())[-2].text


async def test_no_byte_of_the_database_file_is_a_password_before_or_after_its_turn(
    sqlite_url: str, tmp_path: Path
) -> None:
    def written() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("gateway.db*"))

    async with running(settings_for(sqlite_url)) as gateway:
        await set_password(gateway)
        async with gateway.gateway.engine.paused():
            await gateway.store(*(gateway.message(text) for text in TEXTS))
            waiting = written()
        await gateway.drain()
        assert "修改成功" in (await gateway.texts())[1]
        handled = written()
    for secret in SECRETS:
        assert secret.encode() not in waiting
        assert secret.encode() not in handled
        assert secret.encode() not in written()


async def test_a_text_that_waits_is_sealed_and_opened_by_its_turn_alone(gateway: Running) -> None:
    await gateway.say("0000")
    async with gateway.gateway.engine.paused():
        await gateway.store(gateway.message("XGMM#135790#246813#246813"))
        [row] = await gateway.rows(inbound_message, inbound_message.c.status == "pending")
        assert row["text"] == "XGMM#******#******#******"
        assert row["sealed"]
        assert "135790" not in row["sealed"]
    await gateway.drain()


@pytest.mark.parametrize("to", ["10086#135790#246813", "135790*246813", "XGMM#135790", "１３５７９０＃２４６８１３"])
async def test_no_table_holds_a_password_that_was_typed_as_a_number(gateway: Running, to: str) -> None:
    await gateway.say("0000", to)
    await gateway.store(gateway.message("0000", sender=to))
    await gateway.drain()
    stored = await everything_stored(gateway)
    assert await gateway.count(inbound_message) == 2
    for secret in SECRETS:
        assert secret not in stored


async def test_a_dead_letter_keeps_its_seal_for_the_retry(gateway: Running) -> None:
    crashes_left = add_trouble(gateway.gateway.turning.registry)
    registry = gateway.gateway.turning.registry
    registry.keywords["135790#246813"] = registry.keywords["BOOM13712345678PRIVATE"]
    await gateway.say("135790#246813")
    [dead] = await gateway.rows(inbound_message)
    assert (dead["status"], dead["text"]) == ("dead", "******#******")
    assert dead["sealed"]

    crashes_left.burns = False
    await gateway.gateway.management.messages.retry(dead["id"])
    await gateway.drain()
    [done] = await gateway.rows(inbound_message)
    assert (done["verdict"], done["sealed"]) == ("went well", None)


async def test_a_message_sealed_with_another_key_is_handled_by_its_masked_text(sqlite_url: str) -> None:
    """With a lost key the password is lost, but the message is still handled."""
    async with running(settings_for(sqlite_url)) as gateway:
        values = {"sealed": "gAAAAA-not-ours"}
        async with gateway.gateway.engine.paused():
            await gateway.store(gateway.message("XGMM#135790#246813#246813"))
            await gateway.gateway.storage.database.write(
                lambda connection: connection.execute(inbound_message.update().values(values))
            )
        await gateway.drain()
        assert len(await gateway.received()) == 1


async def test_a_text_without_a_password_is_stored_unchanged(gateway: Running) -> None:
    for text in ("TS 我2026年交了135790元", "  0000  ", "1，3", "“全部”", "😀\u200b", "x" * 3000):
        await gateway.store(gateway.message(text))
        assert (await gateway.rows(inbound_message))[-1]["text"] == text


# ---- changing a password

CHANGE = f"XGMM#{OLD}#{NEW}#{NEW}"
WRONG = f"XGMM#999999#{NEW}#{NEW}"


async def stored_hash(gateway: Running) -> str:
    [row] = await gateway.rows(subscriber, subscriber.c.msisdn == ALICE)
    return str(row["password_hash"])


async def tries(gateway: Running) -> int:
    rows = await gateway.rows(RECORD_TABLES[PasswordTries].table)
    return sum(len(json.loads(row["messages"])) for row in rows)


async def test_a_change_leaves_the_new_hash_and_no_password(gateway: Running, log: io.StringIO) -> None:
    await set_password(gateway)
    assert "不正确" in (await gateway.say(WRONG))[0]
    assert "修改成功" in (await gateway.say(CHANGE))[0]
    assert "不正确" in (await gateway.say(CHANGE))[0]

    right = PasswordCheck(await stored_hash(gateway), NEW, OLD, PasswordTries("x", START, "2026-03-02"))
    assert check_password(right).new_hash is not None
    stored = await everything_stored(gateway)
    chain = (await gateway.gateway.management.directory.evidence(OwnerFilter(ALICE), PageRequest(100))).items
    assert [record.kind for record in chain][-1] == "password-changed"
    for secret in (OLD, NEW, "999999"):
        assert secret not in stored
        assert secret not in log.getvalue()
        assert secret not in repr(right)


async def test_later_messages_wait_for_a_password_change(gateway: Running) -> None:
    await set_password(gateway)
    back = f"XGMM#{NEW}#{OLD}#{OLD}"
    await gateway.store(*(gateway.message(text) for text in ("YE", CHANGE, "JF", back, "HF")))
    await gateway.drain()
    said = (await gateway.texts())[1:]
    assert [word in text for word, text in zip(("余额", "成功", "积分", "成功", "话费"), said, strict=True)] == [
        True
    ] * 5


class _Crashing(PasswordChecks):
    """Raises before the password is checked."""

    crashes_left = 2

    async def run(self) -> bool:
        if self._requested and self.crashes_left:
            self.crashes_left -= 1
            raise RuntimeError("the power went")
        return await super().run()


async def test_a_try_is_stored_before_its_password_is_checked(gateway: Running) -> None:
    await set_password(gateway)
    turns = gateway.gateway.turning.turns
    async with gateway.gateway.engine.paused():
        await gateway.store(gateway.message(WRONG))
        turns.password_checks = checks = _Crashing()
        for expected_left in (1, 0):
            with pytest.raises(RuntimeError):
                await turns.step()
            assert (checks.crashes_left, await tries(gateway)) == (expected_left, 1)
    await gateway.drain()
    assert "再试2次" in (await gateway.texts())[-1]
    assert await tries(gateway) == 1


async def test_many_customers_at_once_each_get_their_answer(gateway: Running) -> None:
    numbers = [f"+861370013{number:04}" for number in range(9)]
    for number in numbers:
        await set_password(gateway, number)
    await gateway.store(*(gateway.message(CHANGE, sender=number) for number in numbers))
    await gateway.drain()
    for number in numbers:
        assert "修改成功" in (await gateway.texts(number))[-1]


def test_a_malformed_hash_matches_no_password_and_raises_nothing() -> None:
    check = PasswordCheck("not a hash", OLD, NEW, PasswordTries("x", START, "2026-03-02"))
    assert check_password(check).new_hash is None


def test_a_stored_password_cannot_be_read() -> None:
    assert hash_password("135790") != hash_password("135790")
    assert "135790" not in hash_password("135790")
