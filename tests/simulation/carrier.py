"""A carrier: it brings messages of handsets, takes messages for them, and reports. Its books are the truth outside."""

import asyncio
import itertools
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.domain.messages import DeliveryReport, InboundMessage, MessageClass, OutboundStatus, lane_of
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from tests.simulation.processes import GoneError
from tests.simulation.wire import Answer

if TYPE_CHECKING:
    from tests.simulation.life import Life

_REPORTS: Sequence[Sequence[OutboundStatus]] = (
    [OutboundStatus.DELIVERED],
    [OutboundStatus.DELIVERED],
    [OutboundStatus.DELIVERED],
    [OutboundStatus.ACCEPTED, OutboundStatus.DELIVERED],
    [OutboundStatus.DELIVERED, OutboundStatus.DELIVERED],
    [OutboundStatus.UNDELIVERED],
    [OutboundStatus.UNDELIVERED, OutboundStatus.DELIVERED, OutboundStatus.EXPIRED],
    [OutboundStatus.DELIVERED, OutboundStatus.REJECTED, OutboundStatus.ACCEPTED],
    [],
)


@value
class Said:
    """An MO that was acknowledged; ``gateway_id`` is what the gateway calls it. Times are the loop's."""

    carrier: str
    message_id: str
    msisdn: str
    number: str
    text: str
    gateway_id: str
    brought_at: float
    acknowledged_at: float


@value
class Taken:
    """An MT that arrived at the carrier, at ``at`` (microseconds by the database's clock); ``place`` counts them."""

    carrier: str
    place: int
    at: int
    reference: str
    msisdn: str
    number: str
    text: str
    lane: str
    theirs: str


@dataclass
class Carrier:
    """One carrier. ``recognises``: it takes each of our references once, and answers a repeat as the first one."""

    name: str
    life: "Life"
    recognises: bool
    taken: list[Taken] = field(default_factory=list)
    # By its own id of the message: the reports that were acknowledged.
    reported: dict[str, list[OutboundStatus]] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    # ---- MTs

    def serve(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take a message."""
        given = json.loads(body)
        reference = given["reference"]
        known = next((one for one in self.taken if one.reference == reference), None)
        if known is not None and self.recognises:
            self.life.trace.note(self.name, "knows", reference, count="repeats recognised")
            return self._answer(known)
        theirs = f"{self.name}-{self.life.seed}-{next(self._numbers)}"
        lane = lane_of(MessageClass(given["class"])).value
        at, place = self.life.clock.micros(), next(self.life.places)
        new = Taken(self.name, place, at, reference, given["to"], given["from"], given["text"], lane, theirs)
        self.taken.append(new)
        self.life.trace.note(self.name, "takes", f"{reference} to {new.msisdn}: {new.text[:16]}", count="MTs taken")
        self.life.handsets[new.msisdn].hear(new.number, new.text)
        for status in self.life.random.choice(_REPORTS):
            self._spawn(self._report(theirs, status))
        return self._answer(new)

    @staticmethod
    def _answer(taken: Taken) -> Answer:
        return Answer(200, json.dumps({"message_id": taken.theirs}).encode())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.life.start(work)

    # ---- reports

    async def _report(self, theirs: str, status: OutboundStatus) -> None:
        """Post a report until it is acknowledged."""
        await asyncio.sleep(self.life.random.choice((0.0, self.life.chaos.soon(), self.life.random.uniform(0, 15))))
        report = DeliveryReport(theirs, status)
        await self._until_acknowledged(lambda inbox: inbox.reports([report]))
        self.reported.setdefault(theirs, []).append(status)
        self.life.trace.note(self.name, "reported", f"{theirs} {status}", count="reports")

    # ---- MOs

    async def bring(self, msisdn: str, number: str, text: str) -> None:
        """Post a message of a handset until it is acknowledged, and now and then again after that."""
        chaos, message_id = self.life.chaos, f"{self.name}-mo-{next(self._numbers)}"
        message = InboundMessage(message_id, msisdn, number, text)
        await asyncio.sleep(chaos.soon())
        began = self.life.loop.time()
        [stored] = await self._until_acknowledged(lambda inbox: inbox.messages([message]))
        ended = self.life.loop.time()
        self.said.append(Said(self.name, message_id, msisdn, number, text, stored.id, began, ended))
        self.life.trace.note(self.name, "brought", f"{message_id} of {msisdn}: {text}", count="MOs")
        while chaos.chance(chaos.plan.is_repeated):
            await asyncio.sleep(chaos.random.uniform(0, 15))
            [again] = await self._until_acknowledged(lambda inbox: inbox.messages([message]))
            self.life.trace.note(self.name, "repeated", message_id, count="repeats of MOs")
            assert again.id == stored.id, f"once: {message_id} was stored as {stored.id}, and again as {again.id}"

    async def _until_acknowledged(self, post: Any) -> Any:  # noqa: ANN401  what the inbox answers
        """Post until a process answers, and the answer is not lost on its way."""
        life = self.life
        while True:
            process = life.random.choice(life.processes)
            try:
                done = await process.ask(lambda gateway: post(gateway.turning.inboxes[self.name]))
            except (GoneError, StorageUnavailableError):
                await asyncio.sleep(life.random.uniform(0.2, 5))
                continue
            if not life.chaos.chance(life.chaos.plan.is_lost):
                return done
            await asyncio.sleep(life.random.uniform(0, 5))
