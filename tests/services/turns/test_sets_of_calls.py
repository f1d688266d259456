"""A set of management calls: in order, in few commits, each all or nothing (safety.md 32)."""

import asyncio
from typing import Any

import pytest

from app.commands.accounts.directory import SetSubscriber, SubscriberSet
from app.commands.accounts.import_lines import Imported, ImportSubscription
from app.commands.registry import Handler
from app.db.evidence import evidence
from app.db.outbound_messages import outbound_message
from app.db.subscribers import subscriber
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.domain.account import Brand, SubscriberStatus
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.turn import Call
from app.services.refusals import RefusedError
from app.services.turns import calls as calls_module
from tests.running import BOB, START, Running
from tests.services.trouble import held_twice

pytestmark = pytest.mark.anyio
NEW = "+8613700137000"
_FIELDS = frozenset({"brand", "points", "status"})


class _UnknownCall(Call[None]):
    """A management call that no command takes."""


class _SpoiltCall(Call[None]):
    """A call whose rows both databases reject."""


def given(points: int = 0, **fields: object) -> SetSubscriber:
    return SetSubscriber(who="test", given=_FIELDS, create=True, brand=Brand.GOTONE, points=points, **fields)  # type: ignore[arg-type]


def held(code: str) -> ImportSubscription:
    return ImportSubscription(
        "test", code, SubscriptionState.ACTIVE, in_plan=False, started_at=START, channel=Channel.WEB
    )


async def carry_out(gateway: Running, *calls: tuple[str, Call[Any]]) -> list[object]:
    return list(await gateway.gateway.turning.turns.carry_out_all(calls))


async def test_calls_of_several_subscribers_are_carried_out_in_order(gateway: Running) -> None:
    found = await carry_out(
        gateway,
        (NEW, held("CL")),
        (NEW, given(1)),
        (BOB, given(7)),
        (NEW, held("CL")),
        (NEW, held("NONE")),
        (NEW, given(2)),
        (NEW, held("SJB")),
    )
    early, *_, unknown, _, _ = found
    assert isinstance(early, RefusedError)
    assert early.refusal.reason is RefusalReason.UNKNOWN_SUBSCRIBER
    assert isinstance(unknown, RefusedError)
    assert unknown.refusal.reason is RefusalReason.UNKNOWN_SERVICE
    done = [one for one in found if isinstance(one, SubscriberSet | Imported)]
    assert [(type(one), one.is_new) for one in done] == [
        (SubscriberSet, True),
        (SubscriberSet, False),
        (Imported, True),
        (SubscriberSet, False),
        (Imported, True),
    ]
    [row] = await gateway.rows(subscriber, subscriber.c.msisdn == NEW)
    assert row["points"] == 2
    assert await gateway.states(NEW) == {"CL": "active", "SJB": "active"}
    assert (await gateway.gateway.management.directory.verify(NEW)).ok


async def test_a_tenure_that_ends_within_a_set_takes_nothing_along(gateway: Running) -> None:
    closed = given(status=SubscriberStatus.CLOSED)
    await carry_out(gateway, (NEW, given()), (NEW, held("CL")), (NEW, closed), (NEW, given(5)), (NEW, held("SJB")))

    rows = await gateway.rows(subscription, subscription.c.msisdn == NEW)
    assert {(row["tenure"], row["service_code"], row["state"]) for row in rows} == {
        (1, "CL", "ended"),
        (2, "SJB", "active"),
    }
    assert {row["tenure"] for row in await gateway.rows(timer, timer.c.msisdn == NEW)} == {2}
    for tenure in (1, 2):
        assert (await gateway.gateway.management.directory.verify(NEW, tenure)).ok


async def test_a_call_that_raises_fails_alone(gateway: Running) -> None:
    found = await carry_out(gateway, (NEW, given(1)), (NEW, _UnknownCall()), (NEW, given(2)))
    assert [type(one) for one in found] == [SubscriberSet, LookupError, SubscriberSet]
    [row] = await gateway.rows(subscriber, subscriber.c.msisdn == NEW)
    assert row["points"] == 2


async def test_calls_whose_rows_cannot_be_written_fail_alone_and_the_order_stays(gateway: Running) -> None:
    gateway.gateway.turning.registry.calls[_SpoiltCall] = Handler(held_twice, ())
    numbers = [f"+8613800300{number:03}" for number in range(50)]
    calls: list[tuple[str, Call[Any]]] = []
    for place, number in enumerate(numbers):
        calls += [(number, given(1)), (number, _SpoiltCall())] if place in (7, 30) else [(number, given(1))]
        calls.append((number, given(2)))
    found = await carry_out(gateway, *calls)

    failed = [calls[place][1] for place, one in enumerate(found) if isinstance(one, Exception)]
    assert [type(call) for call in failed] == [_SpoiltCall, _SpoiltCall]
    rows = await gateway.rows(subscriber, subscriber.c.msisdn.in_(numbers))
    assert [row["points"] for row in rows] == [2] * 50
    assert await gateway.count(subscription, subscription.c.msisdn.in_(numbers)) == 0


async def test_messages_go_between_the_commits_of_a_set(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "_MAX_OF_SET", 5)
    calls = [(f"+86138003{number:05}", given()) for number in range(1_000)]
    running = asyncio.create_task(carry_out(gateway, *calls))
    await gateway.store(gateway.message("0000"))
    while not await gateway.count(outbound_message):
        assert not running.done(), "the reply waited for the whole set"
    assert len(await running) == 1_000
    assert await gateway.count(subscriber, subscriber.c.msisdn.startswith("+86138003")) == 1_000
    assert await gateway.count(evidence, evidence.c.msisdn.startswith("+86138003")) == 0
