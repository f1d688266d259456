"""Parts of long messages are joined once, by the worker that has locked the number (delivery.md 6)."""

import asyncio
import io
import itertools
import random
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from app.db.directory import MessageFilter
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.record_tables import RECORD_TABLES
from app.db.timers import timer
from app.domain.policy import RetentionPeriods
from app.domain.spam import SpamReport
from app.domain.tickets import Ticket
from app.domain.values import replace
from app.services.paging import PageRequest
from app.services.upkeep import retention
from app.settings import Settings, SettingsFile
from tests.running import ALICE, BOB, START, Running, Sent, running, settings_for
from tests.services.trouble import add_trouble
from tests.services.turns.test_passwords import OLD, SECRETS, everything_stored, set_password

pytestmark = pytest.mark.anyio
_inbound = inbound_message


def parts(
    gateway: Running, *texts: str, ref: int = 7, to: str = "10086", sender: str = ALICE, provider: str = "simulator"
) -> list[Sent]:
    """Return the parts of a long message."""
    return gateway.parts(texts, to, ref=str(ref), sender=sender, provider=provider)


async def tickets(gateway: Running) -> list[str]:
    return [row["text"] for row in await gateway.rows(RECORD_TABLES[Ticket].table)]


def unused(reason: str) -> float:
    return REGISTRY.get_sample_value("smsgw_inbound_unused_total", {"reason": reason}) or 0


# ---- joined


async def test_parts_are_one_message_in_any_order(gateway: Running) -> None:
    for place, order in enumerate(itertools.permutations(range(3))):
        text = f"多扣了我{place}次的钱"
        cut = parts(gateway, "TS ", text[:3], text[3:], ref=place)
        for one in order[:2]:
            await gateway.store(cut[one])
            await gateway.drain()
            assert len(await tickets(gateway)) == place
        await gateway.store(cut[order[2]])
        await gateway.drain()
        assert max(await tickets(gateway)) == text
    assert len(await gateway.received()) == 6


async def test_parts_and_their_message_are_on_record(gateway: Running) -> None:
    first, second = [(await gateway.store(one))[0].id for one in parts(gateway, "TS 乱扣", "费", to="10086", ref=12)]
    await gateway.drain()
    page = await gateway.gateway.management.messages.page(
        MessageFilter(ALICE, direction="mo"), PageRequest(10, descending=True)
    )
    found = {item.id: item for item in page.items}
    [whole] = [item for id_, item in found.items() if id_ not in (first, second)]
    assert (whole.text, whole.status, whole.part, whole.missing) == ("TS 乱扣费", "handled", None, None)
    assert whole.provider_message_id == whole.id
    for id_, number in ((first, 1), (second, 2)):
        part = found[id_]
        assert (part.status, part.part, part.parts, part.verdict) == ("joined", number, 2, f"part of {whole.id}")
    [reply] = await gateway.rows(outbound_message)
    assert reply["in_reply_to"] == whole.id


async def test_a_message_counts_from_when_its_first_part_was_sent(gateway: Running) -> None:
    one, two = parts(gateway, "TS 乱扣", "费")
    early = START - timedelta(minutes=2)
    await gateway.store(replace(two, received_at=early + timedelta(minutes=1)), replace(one, received_at=early))
    await gateway.drain()
    [whole] = await gateway.rows(_inbound, _inbound.c.part == 0)
    assert (whole["sent_at"], whole["received_at"], whole["stored_at"]) == (early, early, START)


async def test_a_joined_message_takes_the_place_of_its_last_part(gateway: Running) -> None:
    one, two = parts(gateway, "QX", "CL")
    async with gateway.gateway.engine.paused():
        await gateway.store(gateway.message("YE"), one, gateway.message("JF"), two, gateway.message("HF"))
    await gateway.drain()
    words = ["余额", "积分", "彩铃", "话费"]
    assert [word in text for word, text in zip(words, await gateway.texts(), strict=True)] == [True] * 4


async def test_parts_of_other_senders_under_the_same_reference_are_not_joined(gateway: Running) -> None:
    of_alice, of_bob = parts(gateway, "QX", "CL"), parts(gateway, "TS 慢", "得很", sender=BOB)
    other = parts(gateway, "帮", "助", provider="generic")
    elsewhere = parts(gateway, "13900000001*", "恭喜", to="10086999")
    await gateway.store(of_alice[0], of_bob[0], other[0], elsewhere[0])
    await gateway.drain()
    assert await gateway.received() == []
    await gateway.store(elsewhere[1], other[1], of_bob[1], of_alice[1])
    await gateway.drain()
    assert (await gateway.states())["CL"] == "ended"
    assert await tickets(gateway) == ["慢得很"]
    assert await gateway.count(RECORD_TABLES[SpamReport].table) == 1
    assert len(await gateway.received(BOB)) == 1


async def test_the_only_part_of_a_message_is_the_whole_message(gateway: Running) -> None:
    await gateway.store(*gateway.parts(["QXCL"]))
    await gateway.drain()
    [row] = await gateway.rows(_inbound)
    assert (row["part"], row["parts"], row["concat_ref"], row["status"]) == (0, None, None, "handled")
    assert (await gateway.states())["CL"] == "ended"


async def test_a_character_that_was_cut_in_two_is_whole(gateway: Running) -> None:
    await gateway.store(*parts(gateway, "TS 好\ud83d", "\ude00"))
    await gateway.drain()
    assert await tickets(gateway) == ["好😀"]


async def test_many_customers_with_many_messages_at_once(gateway: Running) -> None:
    numbers = [f"+861370014{number:04}" for number in range(20)]
    await gateway.subscribers(numbers)
    choose = random.Random(5)
    cut = [one for number in numbers for ref in range(3) for one in parts(gateway, "TS ", f"{number}-", f"{ref}", ref=ref, sender=number)]  # fmt: skip
    choose.shuffle(cut)
    await asyncio.gather(*(gateway.store(one) for one in cut))
    await gateway.drain()
    assert sorted(await tickets(gateway)) == sorted(f"{number}-{ref}" for number in numbers for ref in range(3))


async def test_two_gateways_on_one_database_join_each_message_once(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    numbers = [f"+861370015{number:04}" for number in range(20)]
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(running(settings)) for _ in range(2)]
        first = gateways[0]
        await first.subscribers(numbers)

        async def handset(number: str, seed: int) -> None:
            choose = random.Random(seed)
            cut = [one for ref in range(5) for one in parts(first, "TS ", f"{number}-", f"{ref}", ref=ref, sender=number)]  # fmt: skip
            choose.shuffle(cut)
            copies = [one for one in cut for _ in range(choose.choice((1, 2)))]
            await asyncio.gather(*(choose.choice(gateways).store(one) for one in copies))

        await asyncio.gather(*(handset(number, seed) for seed, number in enumerate(numbers)))
        for gateway in (*gateways, *gateways):
            await gateway.drain()
        assert sorted(await tickets(first)) == sorted(f"{number}-{ref}" for number in numbers for ref in range(5))
        assert Counter(row["status"] for row in await first.rows(_inbound)) == {"joined": 300, "handled": 100}


async def test_a_restart_between_parts_loses_nothing(settings: Settings) -> None:
    async with running(settings) as before:
        one, two = parts(before, "TS 乱扣", "费")
        await before.store(one)
        await before.drain()
    async with running(settings) as after:
        await after.store(two)
        await after.drain()
        assert await tickets(after) == ["乱扣费"]


# ---- repeats


async def test_parts_may_share_an_id_and_the_same_part_again_is_a_duplicate(gateway: Running) -> None:
    one, two = gateway.parts(["TS 乱扣", "费"], message_id="same")
    stored = [(await gateway.store(message))[0] for message in (one, one, two, two, one)]
    await gateway.drain()
    assert [item.new for item in stored] == [True, False, True, False, False]
    assert stored[0].id == stored[1].id == stored[4].id != stored[2].id
    assert await tickets(gateway) == ["乱扣费"]


async def test_a_part_that_comes_again_under_another_id_has_no_effect(gateway: Running) -> None:
    before = unused("repeated_part")
    for later in (timedelta(0), timedelta(minutes=4), timedelta(minutes=59)):
        await gateway.gateway.simulator.simulation.advance(to=START + later)
        one, two = parts(gateway, "TS 乱扣", "费")
        await gateway.store(one)
        await gateway.drain()
        await gateway.store(two)
        await gateway.drain()
    await gateway.advance(minutes=1)
    assert await tickets(gateway) == ["乱扣费"]
    assert len(await gateway.received()) == 1
    rows = await gateway.rows(_inbound, _inbound.c.status == "ignored")
    assert [row["verdict"] for row in rows] == ["repeated part"] * 4
    assert unused("repeated_part") == before + 4
    await gateway.advance(minutes=2)
    await gateway.store(*parts(gateway, "TS 乱扣", "费"))
    await gateway.drain()
    assert await tickets(gateway) == ["乱扣费"] * 2


async def test_two_messages_under_one_reference_are_two(gateway: Running) -> None:
    one, two = parts(gateway, "TS 慢", "得很"), parts(gateway, "TS 贵", "得很！")
    await gateway.store(one[0], two[0])
    await gateway.drain()
    await gateway.store(one[1], two[1])
    await gateway.drain()
    assert sorted(await tickets(gateway)) == ["慢得很", "贵得很！"]


# ---- incomplete messages


async def test_after_five_minutes_the_parts_that_came_are_handled(gateway: Running) -> None:
    before = unused("incomplete")
    one, _, three = parts(gateway, "TS 乱", "扣", "费")
    await gateway.store(three)
    await gateway.advance(minutes=4)
    await gateway.store(one)
    await gateway.advance(seconds=59)
    assert await tickets(gateway) == []
    await gateway.advance(seconds=1)
    assert await tickets(gateway) == ["乱费(短信未收全)"]
    [whole] = await gateway.rows(_inbound, _inbound.c.part == 0)
    assert (whole["missing"], whole["status"], whole["stored_at"]) == (1, "handled", START + timedelta(minutes=5))
    assert unused("incomplete") == before + 1


async def test_an_incomplete_message_is_answered_from_the_number_it_was_sent_to(gateway: Running) -> None:
    await gateway.say("0000")
    for to in ("10086977", "10086901", "10086", "1008612345"):
        await gateway.store(*parts(gateway, "QXCL", "了吗", to=to)[:1])
    before = len(await gateway.received())
    await gateway.advance(minutes=5)
    told = (await gateway.received())[before:]
    assert [message.service_number for message in told] == ["10086977", "10086901", "10086", "10086"]
    assert all("未收全" in message.text for message in told)
    assert "ended" not in (await gateway.states()).values()


async def test_a_part_that_comes_too_late_waits_for_others_of_its_own(gateway: Running) -> None:
    one, two = parts(gateway, "TS 乱扣", "费")
    await gateway.store(one)
    await gateway.advance(minutes=6)
    await gateway.store(two)
    await gateway.drain()
    assert await tickets(gateway) == ["乱扣(短信未收全)"]
    await gateway.advance(minutes=5)
    assert "未收全" in (await gateway.texts())[-1]


async def test_parts_whose_time_was_over_while_the_gateway_was_down(settings: Settings) -> None:
    async with running(settings) as before:
        one, two = parts(before, "TS 慢", "得很")
        alone, _ = parts(before, "TS 贵", "得很", ref=8)
        async with before.gateway.engine.paused():
            await before.store(one, alone, two)
    async with running(settings) as after:
        await after.advance(minutes=30)
        assert sorted(await tickets(after)) == ["慢得很", "贵(短信未收全)"]


async def test_timers_wait_for_parts_that_came_before(gateway: Running) -> None:
    """A message that may dispute a charge is handled before the charge is taken (safety.md 21)."""
    await gateway.say("0000")
    fuse = add_trouble(gateway.gateway.turning.registry)
    fuse.burns = False
    await gateway.store(*parts(gateway, "QX", "CL")[:1])
    await gateway.say("LATER")
    assert await gateway.count(timer, timer.c.kind == "burning") == 1
    await gateway.advance(minutes=5)
    assert await gateway.count(timer, timer.c.kind == "burning") == 0


# ---- passwords


@pytest.mark.parametrize("cut", [(2, 4), (4, 11), (7, 14), (5, 12), (12, 18)])
async def test_no_part_of_a_password_is_ever_stored(
    sqlite_url: str, tmp_path: Path, log: io.StringIO, cut: tuple[int, int]
) -> None:
    def written() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("gateway.db*"))

    change = f"XGMM#{OLD}#246813#246813"
    pieces = change[: cut[0]], change[cut[0] : cut[1]], change[cut[1] :]
    async with running(settings_for(sqlite_url)) as gateway:
        await set_password(gateway)
        for one in reversed(parts(gateway, *pieces)):
            await gateway.store(one)
            await gateway.drain()
            stored = written()
            assert [piece for piece in _runs(pieces) if piece.encode() in stored] == []
        assert "修改成功" in (await gateway.texts())[-1]
        rows = await gateway.rows(_inbound)
        assert [row["sealed"] for row in rows] == [None] * 4
        everything = written().decode(errors="replace") + await everything_stored(gateway) + log.getvalue()
    for secret in SECRETS:
        assert secret not in everything


def _runs(pieces: tuple[str, ...]) -> list[str]:
    """Return the pieces of passwords that are too long to be found in a database by chance."""
    return [digits for piece in pieces for digits in piece.split("#") if digits.isdigit() and len(digits) >= 6]


async def test_a_password_of_which_a_part_never_came_is_not_shown(gateway: Running) -> None:
    await set_password(gateway)
    await gateway.store(*parts(gateway, f"XGMM#{OLD}#2468", "13#246813", "。")[:2])
    await gateway.advance(minutes=5)
    assert "未收全" in (await gateway.texts())[-1]
    stored = await everything_stored(gateway)
    for secret in SECRETS:
        assert secret not in stored
    assert "2468" not in "".join(row["text"] for row in await gateway.rows(_inbound))


@pytest.mark.parametrize("to", ["10086", "10086999", "10086888"])
@pytest.mark.parametrize(
    ("came", "of"),
    [("2571#802571", 2), ("２５７１＃８０２５７１", 2), ("M#139246#8025", 1), ("TS XGMM#139246#8025", 1)],
)
async def test_a_piece_of_a_password_stays_masked_where_the_rest_never_came(
    gateway: Running, came: str, of: int, to: str
) -> None:
    await gateway.store(parts(gateway, *(("XG", came) if of == 2 else (came, "71#802571")), to=to)[of - 1])
    await gateway.advance(minutes=6)
    stored = await everything_stored(gateway)
    for secret in ("802571", "８０２５７１", "139246"):
        assert secret not in stored


# ---- failures


@pytest.mark.parametrize("pieces", [("BOOM 13712345678", " PRIVATE"), ("SPO", "IL")])
async def test_a_poison_message_of_parts_is_a_dead_letter_that_can_run_again(
    gateway: Running, pieces: tuple[str, str]
) -> None:
    fuse = add_trouble(gateway.gateway.turning.registry)
    await gateway.store(*parts(gateway, *pieces), gateway.message("YE"))
    await gateway.drain()
    [dead] = await gateway.rows(_inbound, _inbound.c.status == "dead")
    assert (dead["text"], dead["tries"], dead["part"]) == ("".join(pieces), 3, 0)
    assert await gateway.count(_inbound, _inbound.c.status == "joined") == 2
    assert ["余额" in text for text in await gateway.texts()].count(True) == 1
    fuse.burns = False
    assert await gateway.gateway.management.messages.retry(dead["id"])
    await gateway.drain()
    [row] = await gateway.rows(_inbound, _inbound.c.id == dead["id"])
    assert (row["status"], row["verdict"]) == ("handled", "went well")


# ---- retention and tenures


async def test_parts_are_purged_like_any_message(gateway: Running) -> None:
    await gateway.store(*parts(gateway, "TS 乱扣", "费"), *parts(gateway, "TS 乱扣", "费"))
    await gateway.drain()
    assert Counter(row["status"] for row in await gateway.rows(_inbound)) == {"joined": 2, "ignored": 2, "handled": 1}
    await gateway.advance(days=400)
    database = gateway.gateway.storage.database
    await asyncio.to_thread(retention.purge, database, RetentionPeriods(), gateway.gateway.storage.owner.heads)
    assert await gateway.count(_inbound) == 0


async def test_parts_belong_to_the_person_whose_message_they_are(gateway: Running) -> None:
    stranger = "+8613700137999"
    await gateway.store(*parts(gateway, "000", "0", sender=stranger), *parts(gateway, "000", "0"))
    await gateway.store(*parts(gateway, "000", "0"))
    await gateway.drain()
    tenures = {(row["msisdn"], row["status"], row["tenure"]) for row in await gateway.rows(_inbound)}
    of_alice = {status: tenure for msisdn, status, tenure in tenures if msisdn == ALICE}
    theirs = {status: tenure for msisdn, status, tenure in tenures if msisdn == stranger}
    assert set(of_alice.values()) == {1}
    assert set(of_alice) == {"joined", "handled", "ignored"}
    assert len(set(theirs.values())) == 1


async def test_parts_of_a_message_that_creates_a_subscriber_belong_to_them(sqlite_url: str) -> None:
    stranger = "+8613700137999"
    async with running(settings_for(sqlite_url, file=SettingsFile(auto_create_subscribers=True))) as gateway:
        await gateway.store(*parts(gateway, "000", "0", sender=stranger))
        await gateway.drain()
        rows = await gateway.rows(_inbound)
        assert [(row["status"], row["tenure"]) for row in rows] == [("joined", 1), ("joined", 1), ("handled", 1)]
