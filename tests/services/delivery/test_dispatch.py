"""Dispatch: order of messages, window, and throttling (delivery.md 9, 11)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import httpx
import pytest

from app.db.outbox import ClaimedMessage
from app.pacing import Pace
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Submission, Unknown
from app.providers.generic import GenericOptions
from app.services.delivery.dispatch import Attempted, Dispatch
from tests.providers.contract import surroundings
from tests.services.carriers import NAME, FakeProvider

pytestmark = pytest.mark.anyio
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class RecordingProvider(FakeProvider):
    """Returns a result by reference, after other calls had the chance to begin."""

    def __init__(self, answer: Callable[[str], SendResult] = Accepted) -> None:
        super().__init__(
            NAME, GenericOptions(kind=NAME), surroundings(httpx.MockTransport(lambda _: httpx.Response(500)))
        )
        self.answer = answer
        self.order: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        for _ in range(3):
            await asyncio.sleep(0)
        self.at_once -= 1
        self.order += [item.reference for item in submissions]
        return [self.answer(item.reference) for item in submissions]


def message(reference: str, number: int = 1, lane: str = "prompt") -> ClaimedMessage:
    return ClaimedMessage(
        0,
        f"+8613800{number:06}",
        reference,
        lane,
        "10086",
        "x",
        "reply",
        "gsm7",
        1,
        None,
        None,
        LATER,
        None,
        None,
        1,
        "lease",
    )


async def sent(dispatch: Dispatch, *messages: ClaimedMessage, begin_within: float = 20) -> list[Attempted]:
    dispatch.add(messages, time.monotonic() + begin_within)
    found: list[Attempted] = []
    async with asyncio.timeout(20):
        while dispatch.busy:
            await dispatch.wait_for_progress()
            found += dispatch.take_finished()
    return found


def by_reference(found: Sequence[Attempted]) -> dict[str, type[SendResult]]:
    return {message.id: type(result) for message, result in found}


async def test_prompt_messages_go_first() -> None:
    provider = RecordingProvider()
    bulk = [message(f"bulk-{number}", number, "bulk") for number in range(4)]
    prompt = [message(f"prompt-{number}", number) for number in range(4)]
    await sent(Dispatch(provider, 1, Pace(None), 5), *bulk, *prompt)

    assert provider.order == [*(f"prompt-{number}" for number in range(4)), *(f"bulk-{number}" for number in range(4))]


async def test_no_more_calls_than_the_window_are_in_flight_and_it_is_used() -> None:
    provider = RecordingProvider()
    found = await sent(Dispatch(provider, 5, Pace(None), 5), *(message(f"{number}", number) for number in range(50)))

    assert len(found) == 50
    assert provider.most_at_once == 5


async def test_one_recipient_s_messages_go_one_after_the_other_in_order() -> None:
    provider = RecordingProvider()
    await sent(Dispatch(provider, 8, Pace(None), 5), *(message(f"{number}", number % 2) for number in range(10)))

    assert [one for one in provider.order if int(one) % 2] == ["1", "3", "5", "7", "9"]
    assert provider.most_at_once == 2


@pytest.mark.parametrize("trouble", [Refused("400"), RefusedForNow("500"), Unknown("lost"), NotTried()])
async def test_messages_behind_one_that_was_not_accepted_are_not_tried(trouble: SendResult) -> None:
    provider = RecordingProvider(lambda reference: trouble if reference == "b" else Accepted(reference))
    found = await sent(Dispatch(provider, 4, Pace(None), 5), *(message(one) for one in "abcd"), message("other", 2))

    results = by_reference(found)
    assert results == {"a": Accepted, "b": type(trouble), "c": NotTried, "d": NotTried, "other": Accepted}
    assert "c" not in provider.order


async def test_a_message_whose_sending_could_not_begin_in_time_is_given_back() -> None:
    provider = RecordingProvider()
    found = await sent(Dispatch(provider, 4, Pace(None), 5), message("a"), message("b", 2), begin_within=-1)

    assert by_reference(found) == {"a": NotTried, "b": NotTried}
    assert provider.order == []


async def test_a_call_that_never_ends_is_abandoned() -> None:
    class Stuck(RecordingProvider):
        async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
            await asyncio.Event().wait()
            return []

    found = await sent(Dispatch(Stuck(), 4, Pace(None), 0.05), message("a"))
    assert by_reference(found) == {"a": Unknown}


async def test_an_adapter_that_forgets_a_message_leaves_it_unknown() -> None:
    class Forgetful(RecordingProvider):
        async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
            return []

    found = await sent(Dispatch(Forgetful(), 4, Pace(None), 5), message("a"))
    assert by_reference(found) == {"a": Unknown}


async def test_nothing_more_is_sent_after_a_retry_after() -> None:
    busy = RefusedForNow("429", LATER - datetime(2099, 12, 31, tzinfo=UTC), throttled=True)
    provider = RecordingProvider(lambda _reference: busy)
    found = await sent(Dispatch(provider, 1, Pace(None), 5), *(message(f"{number}", number) for number in range(20)))

    assert provider.order == ["0"]
    assert sum(result == NotTried() for _, result in found) == 19


async def test_many_messages_go_in_one_call_where_the_carrier_takes_them() -> None:
    class Bulk(RecordingProvider):
        most_per_call = 4

    provider = Bulk()
    dispatch = Dispatch(provider, 1, Pace(None), 5)
    found = await sent(dispatch, *(message(f"{number}", number % 3) for number in range(10)))

    assert len(found) == 10
    for number in range(3):
        mine = [one for one in provider.order if int(one) % 3 == number]
        assert mine == sorted(mine, key=int)


async def test_each_slot_has_a_window() -> None:
    provider = RecordingProvider()
    dispatch = Dispatch(provider, 2, Pace(None), 5)
    dispatch.use_slots(3, 4)
    await sent(dispatch, *(message(f"{number}", number) for number in range(50)))
    assert provider.most_at_once == 6
