"""Messages whose carrier names each segment, takes some of them, or answers late (delivery.md 12, carriers.md 1)."""

import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import RowMapping

from app.db.message_parts import message_part
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.db.recovery import FailoverRoute, adopt_orphans, fail_over
from app.domain.messages import DeliveryReport, OutboundStatus
from app.domain.values import replace
from app.providers.base import MAX_PROGRESS, Accepted, RefusedForNow, SendResult, Submission, Unknown
from tests.running import START, Running, running
from tests.services.carriers import NAME, FakeProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message
S = OutboundStatus
PARTS = ("s-1", "s-2", "s-3")


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url)) as started:
        yield started


def provider_of(gateway: Running) -> FakeProvider:
    provider = gateway.gateway.carriers.providers[NAME]
    assert isinstance(provider, FakeProvider)
    return provider


async def ask(gateway: Running, *answers: object) -> RowMapping:
    """Ask for help, and return the row of the reply, whose attempts end like ``answers``."""
    provider_of(gateway).answers = list(answers)  # type: ignore[arg-type]
    await gateway.store(gateway.message("帮助", provider=NAME))
    await gateway.drain()
    return (await gateway.outbound())[-1]


async def report(gateway: Running, theirs: str, status: S, **more: object) -> bool:
    found = DeliveryReport(theirs, status, **more)  # type: ignore[arg-type]
    return await gateway.gateway.carriers.receipts.store(NAME, found)


async def status(gateway: Running) -> str:
    return str((await gateway.outbound())[-1]["status"])


# ---- an id for each segment


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)), ids=" ".join)
async def test_a_message_is_delivered_when_its_last_segment_is(gateway: Running, order: tuple[str, ...]) -> None:
    row = await ask(gateway, Accepted("s-1", PARTS))
    assert (row["provider_message_id"], row["segments"]) == ("s-1", 3)
    for theirs in order[:-1]:
        assert await report(gateway, theirs, S.DELIVERED)
        assert await status(gateway) == "accepted"
    await report(gateway, order[-1], S.DELIVERED)
    assert await status(gateway) == "delivered"


@pytest.mark.parametrize("bad", PARTS)
async def test_the_failure_of_a_segment_is_the_message_s_at_once(gateway: Running, bad: str) -> None:
    await ask(gateway, Accepted("s-1", PARTS))
    await report(gateway, bad, S.EXPIRED)
    assert await status(gateway) == "expired"
    for theirs in PARTS:
        await report(gateway, theirs, S.UNDELIVERED if theirs == bad else S.DELIVERED)
    assert await status(gateway) == "undelivered"


async def test_reports_of_segments_before_the_acceptance_count_after_it(gateway: Running) -> None:
    for theirs in PARTS[1:]:
        assert not await report(gateway, theirs, S.DELIVERED)
    await ask(gateway, Accepted("s-1", PARTS))
    assert await status(gateway) == "accepted"
    await report(gateway, "s-1", S.DELIVERED)
    assert await status(gateway) == "delivered"


async def test_an_id_that_the_carrier_repeats_means_the_newest_message(gateway: Running) -> None:
    for _ in range(2):
        await ask(gateway, Accepted("s-1", PARTS))
    for theirs in PARTS:
        await report(gateway, theirs, S.DELIVERED)
    assert [row["status"] for row in await gateway.outbound()] == ["accepted", "delivered"]


# ---- taken in part


async def test_the_next_attempt_gets_the_progress_of_the_last_one(gateway: Running) -> None:
    await ask(gateway, RefusedForNow("8", progress="1 of 3"), RefusedForNow("no bind"))
    await gateway.advance(minutes=9)
    assert [item.progress for item in provider_of(gateway).asked] == [None, "1 of 3", "1 of 3"]
    assert await status(gateway) == "accepted"
    assert (await gateway.outbound())[-1]["progress"] is None


async def test_a_message_that_was_taken_in_part_is_never_given_to_another_provider(gateway: Running) -> None:
    await ask(gateway, *[RefusedForNow("8", progress="1 of 3")] * 99)
    write = gateway.gateway.storage.database.write
    assert await write(lambda connection: fail_over(connection, NAME, FailoverRoute("other"), START, 10)) == 0
    await write(lambda connection: adopt_orphans(connection, ["other"], "other", START))
    [row] = await gateway.outbound()
    assert (row["provider"], row["status"]) == (NAME, "unknown")


def test_longer_progress_is_refused() -> None:
    RefusedForNow("8", progress="x" * MAX_PROGRESS)
    with pytest.raises(ValueError, match="progress has more than 1024 bytes"):
        RefusedForNow("8", progress="段" * (MAX_PROGRESS // 2))


# ---- what the carrier wants back


async def test_the_token_of_a_message_comes_back_with_its_answers(gateway: Running) -> None:
    await gateway.store(replace(gateway.message("帮助", provider=NAME), reply_token="link\x001"))
    await gateway.store(replace(gateway.message("帮助", provider="generic"), reply_token="another's"))
    await gateway.drain()
    assert [item.reply_token for item in provider_of(gateway).asked] == ["link\x001", None]


async def test_the_token_of_a_long_message_comes_back(gateway: Running) -> None:
    first, second = gateway.parts(("帮", "助"), provider=NAME)
    await gateway.store(replace(first, reply_token="link-1"), second)
    await gateway.drain()
    assert [item.reply_token for item in provider_of(gateway).asked] == ["link-1"]


async def test_a_submission_says_until_when_it_may_be_handed_over(gateway: Running) -> None:
    row = await ask(gateway)
    assert provider_of(gateway).asked[0].valid_until == row["valid_until"]


# ---- late answers


async def test_a_late_acceptance_settles_an_unknown_attempt(gateway: Running) -> None:
    row = await ask(gateway, Unknown("timeout"))
    await report(gateway, "late", S.ACCEPTED, reference=row["id"])
    [row] = await gateway.outbound()
    assert (row["status"], row["provider_message_id"]) == ("accepted", "late")


async def test_a_late_refusal_settles_an_unknown_attempt_without_an_id(gateway: Running) -> None:
    row = await ask(gateway, Unknown("timeout"))
    await report(gateway, "", S.FAILED, reference=row["id"], error_code="10")
    [row] = await gateway.outbound()
    assert (row["status"], row["error_code"], row["provider_message_id"]) == ("failed", "10", None)


async def test_late_refusals_of_two_messages_do_not_mix(gateway: Running) -> None:
    first = await ask(gateway, Unknown("timeout"))
    second = await ask(gateway, Unknown("timeout"))
    found = [DeliveryReport("", S.FAILED, reference=row["id"]) for row in (first, second)]
    await gateway.gateway.turning.inboxes[NAME].reports(found)
    assert [row["status"] for row in await gateway.outbound()] == ["failed", "failed"]


async def test_late_answers_tell_the_ids_of_segments(gateway: Running) -> None:
    row = await ask(gateway, Unknown("timeout"))
    await gateway.gateway.storage.database.write(lambda one: one.execute(_mt.update().values(segments=3)))
    assert not await report(gateway, "s-2", S.DELIVERED), "its id is not known yet"
    for number, theirs in enumerate(PARTS, 1):
        await report(gateway, theirs, S.ACCEPTED, reference=row["id"], part=number)
    assert await status(gateway) == "accepted"
    for theirs in ("s-1", "s-3"):
        await report(gateway, theirs, S.DELIVERED)
    assert await status(gateway) == "delivered"
    found = {row["number"]: row["provider_message_id"] for row in await gateway.rows(message_part)}
    assert found == dict(enumerate(PARTS, 1))


async def test_late_answers_tell_how_many_segments_the_carrier_was_given(gateway: Running) -> None:
    row = await ask(gateway, Unknown("timeout"))
    await gateway.gateway.storage.database.write(lambda one: one.execute(_mt.update().values(segments=1)))
    for number, theirs in enumerate(PARTS, 1):
        await report(gateway, theirs, S.ACCEPTED, reference=row["id"], part=number, segments=3)
    for theirs, ends in zip(("s-2", "s-1", "s-3"), ("accepted", "accepted", "delivered"), strict=True):
        await report(gateway, theirs, S.DELIVERED)
        assert await status(gateway) == ends


# ---- a report for each segment, without its number or id


async def delivered(gateway: Running, row: RowMapping, key: str) -> bool:
    return await report(gateway, row["id"], S.DELIVERED, reference=row["id"], part_key=key)


async def counted(gateway: Running, row: RowMapping, segments: int) -> bool:
    return await report(gateway, row["id"], S.ACCEPTED, reference=row["id"], segments=segments)


async def ask_a_phone(gateway: Running) -> RowMapping:
    """Ask for help, and return the row of the reply, whose id at the carrier is the gateway's own."""
    row = await ask(gateway, Unknown("no answer"))
    await report(gateway, row["id"], S.ACCEPTED, reference=row["id"])
    return (await gateway.outbound())[-1]


async def test_as_many_different_reports_as_segments_deliver_a_message(gateway: Running) -> None:
    row = await ask_a_phone(gateway)
    for key in ("e-1", "e-2", "e-1", "e-2"):
        await delivered(gateway, row, key)
        assert await status(gateway) == "accepted"
    await delivered(gateway, row, "e-3")
    assert await status(gateway) == "delivered"


@pytest.mark.parametrize("segments", [1, 2, 4])
@pytest.mark.parametrize("place", [0, 1])
async def test_the_carrier_s_count_of_segments_replaces_the_gateway_s(
    gateway: Running, segments: int, place: int
) -> None:
    row = await ask_a_phone(gateway)
    assert row["segments"] == 3
    for number in range(segments):
        if number == place:
            await counted(gateway, row, segments)
        assert await status(gateway) == "accepted"
        await delivered(gateway, row, f"e-{number}")
    if place == segments:
        await counted(gateway, row, segments)
    assert await status(gateway) == "delivered"
    assert (await gateway.outbound())[-1]["segments"] == segments


async def test_one_failed_segment_is_the_message_s_whatever_its_number(gateway: Running) -> None:
    row = await ask_a_phone(gateway)
    await delivered(gateway, row, "e-1")
    await report(gateway, row["id"], S.FAILED, reference=row["id"])
    assert await status(gateway) == "failed"


async def test_a_report_that_overtakes_the_answer_to_the_attempt_counts(gateway: Running) -> None:
    """It is found by the gateway's reference, though the carrier's id is not known yet."""
    row = await ask(gateway, Unknown("no answer"))
    assert await delivered(gateway, row, "e-1")
    assert await counted(gateway, row, 3)
    await delivered(gateway, row, "e-2")
    await delivered(gateway, row, "e-3")
    assert await status(gateway) == "delivered"


async def test_a_question_is_asked_also_if_a_report_is_there_before_the_answer_to_the_attempt(gateway: Running) -> None:
    provider, receipts = provider_of(gateway), gateway.gateway.carriers.receipts

    async def send(submissions: Sequence[Submission]) -> Sequence[SendResult]:
        for item in submissions:
            early = DeliveryReport(item.reference, S.ACCEPTED, reference=item.reference, segments=item.segments)
            assert await receipts.store(NAME, early)
        return [Accepted(item.reference) for item in submissions]

    provider.send = send  # type: ignore[method-assign]
    await gateway.store(gateway.message("0000", provider=NAME))
    await gateway.drain()
    [asked] = await gateway.rows(question)
    assert asked["handed_over_at"] == START
    assert await status(gateway) == "accepted"


@pytest.mark.parametrize("answer", [Accepted("s-1", PARTS), Unknown("no answer")], ids=["with ids", "lost"])
async def test_segments_with_ids_count_whether_or_not_the_answer_told_them(
    gateway: Running, answer: SendResult
) -> None:
    """A carrier that names each segment, and the gateway's reference in every report."""
    row = await ask(gateway, answer)
    for theirs in ("s-3", "s-1", "s-3"):
        await report(gateway, theirs, S.DELIVERED, reference=row["id"], part_key=theirs)
        assert await status(gateway) == "accepted"
    await report(gateway, "s-2", S.DELIVERED, reference=row["id"], part_key="s-2")
    assert await status(gateway) == "delivered"


async def test_a_carrier_that_makes_one_segment_of_a_message_reports_once(gateway: Running) -> None:
    row = await ask(gateway, Accepted("s-1", ("s-1",)))
    assert row["segments"] == 1
    await report(gateway, "s-1", S.DELIVERED, reference=row["id"], part_key="s-1")
    assert await status(gateway) == "delivered"
