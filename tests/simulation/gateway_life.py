"""Steps in the life of one customer of a whole gateway with a database, each checked by the witness."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from app.commands.accounts.directory import AgentUnsubscribe, SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.charges.announcing import AnnounceCharge
from app.commands.orders.calls import PlaceOrder
from app.db import directory, records
from app.db.evidence import chain_of, head_of
from app.db.simulator import ThreadMessage
from app.db.state import current_state
from app.domain.account import SubscriberStatus
from app.domain.charges import Charge, ChargeKind
from app.domain.evidence import verify
from app.domain.orders import Order
from app.domain.records import Record
from app.domain.refunds import Refund
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.turn import Call
from app.domain.values import replace
from app.services.refusals import RefusedError
from app.settings import Settings
from tests.commands.world import shanghai
from tests.properties.facts import Facts
from tests.properties.witness import Witness
from tests.running import ALICE, Running, running

if TYPE_CHECKING:
    from tests.running import Sent

NAMES = {
    "CL": "彩铃", "SJB": "手机报", "TQ": "天气预报", "LD": "来电提醒", "KD": "宽带电视", "YYH": "音乐盒", "ZQ": "足球快讯", "GS": "故事点播",
}  # fmt: skip
T = TypeVar("T")
R = TypeVar("R", bound=Record)


@dataclass
class GatewayLife:
    """A gateway that can be restarted on its database. Steps are plain calls, so that a failing script can be pasted."""

    settings: Settings
    script: list[str] = field(default_factory=list)
    witness: Witness = field(default_factory=lambda: Witness(NAMES))

    def __post_init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._sent: list[Sent] = []
        self._read = self._count = 0
        self._well = True
        self._turns: dict[str, int] = {}
        self._run(self._start())
        self._look()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _start(self) -> None:
        self.gateway: Running = await self._stack.enter_async_context(running(self.settings))

    def close(self) -> None:
        self._run(self._stack.aclose())
        self._runner.close()

    def _step(self, line: str, work: Coroutine[Any, Any, object]) -> None:
        self.script.append(line)
        self._run(self._finished(work))
        self._look()

    async def _finished(self, work: Coroutine[Any, Any, object]) -> None:
        await work
        await self.gateway.drain()

    # ---- checks by the witness

    def _look(self) -> None:
        for message in self._run(self.gateway.received())[self._read :]:
            self._read += 1
            self.witness.hears(message.service_number, message.text, message.at, self._turn_of(message))
        facts = self._run(self.gateway.gateway.storage.database.read(_facts))
        before = self.witness.before
        if before is not None and before.subscriber.tenure != facts.subscriber.tenure:
            self.witness = Witness(NAMES)
        self.witness.judge(facts)

    def _turn_of(self, message: ThreadMessage) -> int:
        return self._turns.setdefault(message.in_reply_to or message.id, len(self._turns))

    @property
    def story(self) -> str:
        """The steps, as calls to paste into a test, and all messages."""
        said = [
            f"{self._local(message)} {message.service_number} {message.direction}: {message.text}"
            for message in self._run(self.gateway.thread())
        ]
        return "\n".join(["", *self.script, "", *said])

    @staticmethod
    def _local(message: ThreadMessage) -> str:
        return f"{message.at:%m-%d %H:%M:%S}Z"

    # ---- steps

    def says(self, *texts: str, to: str = "10086", copies: int = 1, ago: float = 0) -> None:
        """Send texts in one request, each in ``copies`` copies, stamped ``ago`` hours before they are stored.

        ``<code 0>`` and ``<order 0>`` stand for codes and numbers, as in the properties of commands.
        """
        number = self.witness.read(to)
        known = [text for text in map(self.witness.read, texts) if text]
        if not number or not known:
            return
        now = self._now()
        sent_at = max(now - timedelta(hours=ago), self._began())
        new = [self.gateway.message(text, number, received_at=sent_at) for text in known]
        seq = next(self.witness.seq) if len(new) > 1 else None
        expected = [self.witness.says(message.text, number, sent_at, now, seq) for message in new]
        self._sent += new
        held = self._running()
        self._step(f"life.says(*{texts!r}, to={to!r}, copies={copies}, ago={ago})", self.gateway.store(*new * copies))
        for one in expected:
            self.witness.judge_answer(one, heard=self._well)
        if len(new) == 1 and known[0].startswith("QX") and known[0][2:] in held:
            assert known[0][2:] not in self._running(), f"{known[0]} was lost"

    def _began(self) -> datetime:
        """Return when the tenure began."""
        assert self.witness.before is not None
        return self.witness.before.subscriber.created_at

    def says_in_parts(self, text: str, arrivals: Sequence[int], to: str = "10086", minutes: float = 0) -> None:
        """Send the parts of a long message in the order ``arrivals``, some minutes apart; a part twice is a repeat."""
        number, text = self.witness.read(to), self.witness.read(text)
        total = max(arrivals) + 1
        if not number or len(text) < total:
            return
        self.script.append(f"# life.says_in_parts({text!r}, {arrivals}, to={to!r}, minutes={minutes}):")
        began, parts = self._now(), self._parts(text, total, number)
        for place, index in enumerate(arrivals):
            came = replace(parts[index], message_id=f"{parts[index].message_id}-{place}")
            if len({*arrivals[: place + 1]}) < total or {*arrivals[:place]} == {*range(total)}:
                self._comes_alone(came)
                if minutes:
                    self.waits(minutes=minutes)
                continue
            expected = self.witness.says(text, number, began, self._now())
            self._step(f"#   part {index + 1}, the last", self.gateway.store(came))
            self.witness.judge_answer(expected, heard=self._well)

    def says_incompletely(self, text: str, missing: int, total: int, to: str = "10086") -> None:
        """Send all parts but one: the text must be no command and no answer, now or later (delivery.md 6)."""
        number, text = self.witness.read(to), self.witness.read(text)
        if not number or len(text) < total:
            return
        self.script.append(f"# life.says_incompletely({text!r}, {missing}, {total}, to={to!r}):")
        for index, part in enumerate(self._parts(text, total, number)):
            if index != missing:
                self._comes_alone(part)
        seen = self.witness.seen
        self.waits(minutes=6)
        assert self.witness.before is not None
        payloads = [json.loads(record.payload or "{}") for record in self.witness.before.evidence[seen:]]
        done = [one for one in payloads if str(one.get("who")).startswith("mo:")]
        assert not done, f"an incomplete message, a part of {text} to {number}, did something"

    def _parts(self, text: str, total: int, number: str) -> "list[Sent]":
        self._count += 1
        size = len(text) // total
        cut = [text[place * size : (place + 1) * size if place < total - 1 else None] for place in range(total)]
        return self.gateway.parts(cut, number, ref=str(self._count))

    def _comes_alone(self, part: "Sent") -> None:
        """Send a part that completes no message: nothing may happen."""
        before, read = self.witness.before, self._read
        assert before is not None
        self._step(f"#   {part.text!r}", self.gateway.store(part))
        assert self.witness.before is not None
        assert self.witness.before.bound == before.bound, f"a part of a message, {part.text}, changed something"
        assert self._read == read, f"a part of a message, {part.text}, was answered"

    def comes_again(self, index: int) -> None:
        """Send an old message again: nothing may happen."""
        if index >= len(self._sent):
            return
        before, read = self.witness.before, self._read
        self._step(f"life.comes_again({index})", self.gateway.store(self._sent[-1 - index]))
        assert self.witness.before == before, "a repeat changed something"
        assert self._read == read, "a repeat was answered"

    def waits(self, **length: float) -> None:
        self._step(f"life.waits(**{length})", self.gateway.advance(**length))

    def restarts(self, away: float = 0) -> None:
        """Stop the gateway, and start it again ``away`` hours later."""
        self._step(f"life.restarts({away})", self._restart(away))

    async def _restart(self, away: float) -> None:
        await self._stack.aclose()
        await self._start()
        if away:
            simulation = self.gateway.gateway.simulator.simulation
            await simulation.set_clock((await simulation.clock()).now + timedelta(hours=away))

    def network(self, mode: str, count: int | None = None) -> None:
        self._well = mode == "ok"
        self._step(f"life.network({mode!r}, {count})", self.gateway.faults(mode, count=count))

    def reports(self, report: str, delay: int) -> None:
        self._step(f"life.reports({report!r}, {delay})", self.gateway.reports(report, delay))

    # ---- calls of others

    def ordered(self, code: str, channel: str) -> None:
        self._call(f"life.ordered({code!r}, {channel!r})", PlaceOrder("api:agent", code, Channel(channel)))

    def charged(self, code: str, fen: int, days: float) -> None:
        self._count += 1
        due = self._now() + timedelta(days=days)
        wanted = AnnounceCharge("api:billing", f"c-{self._count}", code, ChargeKind.MONTHLY, fen, due)
        self._call(f"life.charged({code!r}, {fen}, {days})", wanted)

    def agent_ends(self, code: str) -> None:
        self._call(f"life.agent_ends({code!r})", AgentUnsubscribe("agent:1", code, "she called"))

    def imported(self, code: str, as_of_days_ago: float) -> None:
        as_of = self._now() - timedelta(days=as_of_days_ago)
        wanted = ImportSubscription(
            "import:1", code, SubscriptionState.ACTIVE, in_plan=False, started_at=shanghai("2025-02-01 10:00"), channel=Channel.WEB, as_of=as_of,
        )  # fmt: skip
        self._call(f"life.imported({code!r}, {as_of_days_ago})", wanted)

    def number_is(self, status: str) -> None:
        wanted = SetSubscriber("api:crm", frozenset({"status"}), create=True, status=SubscriberStatus(status))
        self._call(f"life.number_is({status!r})", wanted)

    def _call(self, line: str, stimulus: Call[Any]) -> None:
        self._step(line, self._carry_out(stimulus))

    async def _carry_out(self, stimulus: Call[Any]) -> None:
        """Carry out a call; one that is refused changes nothing, which the promises check."""
        with suppress(RefusedError):
            await self.gateway.gateway.turning.turns.carry_out(ALICE, stimulus)

    def _now(self) -> datetime:
        return self._run(self.gateway.gateway.simulator.simulation.clock()).now

    def _running(self) -> set[str]:
        assert self.witness.before is not None
        held = self.witness.before.subscriptions.values()
        return {item.service_code for item in held if item.can_be_unsubscribed(self.witness.before.now)}


def _facts(connection: Connection) -> Facts:
    found = directory.current_tenure(connection, ALICE)
    assert found is not None
    tenure = found.tenure
    chain = tuple(chain_of(connection, ALICE, tenure))
    assert verify(chain, head_of(connection, ALICE, tenure)).ok, "the chain of evidence is broken"

    def of(kind: type[R]) -> dict[str, R]:
        rows = (row.record for row in records.of_number(connection, kind, ALICE, tenure))
        return {record.id: record for record in rows if isinstance(record, kind)}

    return Facts(
        current_state(connection).now, found,
        {item.id: item for item in directory.subscriptions_of(connection, ALICE, tenure)},
        of(Charge), of(Order), of(Refund), chain,
    )  # fmt: skip
