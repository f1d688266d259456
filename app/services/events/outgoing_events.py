"""Telling SPs and billing: signed, in order for each subscriber, again and again until they say yes (flows.md 14).

One claim takes the first due event of every subscriber; each is posted by itself and what became of it is recorded
with the next claim. Nothing here is part of a turn, so whatever a receiver does, no customer waits for it.
"""

import asyncio
import json
import random
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from os import getpid

import httpx
from pydantic_core import to_json
from sqlalchemy import Connection

from app import observability
from app.db import catalogue, event_queue, events
from app.db.event_queue import ClaimedEvent, PostResult
from app.db.events import EventRead
from app.db.session import Database, StorageUnavailableError
from app.db.state import current_state
from app.domain.calendar import SHANGHAI
from app.domain.credentials import signing_violation
from app.domain.events import BILLING, EventStatus, is_overdue, next_try
from app.domain.values import value
from app.providers.http import HttpAnswer, HttpPoster, NoAnswer
from app.providers.signatures import Signatures
from app.services.events.public_addresses import address_violation
from app.services.sealing import Sealer

TIMEOUT_SECONDS = 10.0
_LEASE = timedelta(seconds=60)
_AT_ONCE = 64
_AT_ONCE_FOR_ONE = 8
_AT_ONCE_FAILING = 16
_SET_ASIDE_AT_ONCE = 500
# After so many failures in a row one event at a time finds out whether the receiver is back.
_FAILURES = 3
_LOOK_AGAIN_SECONDS = 0.25
_TAKEN = range(200, 300)
log = observability.logger(__name__)


@value
class Address:
    """Where a receiver takes events, and what they are signed with (``whsec_…``, or that sealed)."""

    url: str
    secret: str
    is_sealed: bool = False


Answer = HttpAnswer | NoAnswer


@dataclass(slots=True)
class _UnderWay:
    event: ClaimedEvent
    task: asyncio.Task[Answer]


class OutgoingEvents:
    """Sends events; also reads them for receivers that catch up."""

    def __init__(
        self,
        database: Database,
        transport: httpx.AsyncBaseTransport,
        sealer: Sealer,
        billing: Address | None,
        *,
        private: bool,
    ) -> None:
        """``private``: receivers may be in our own network, and without TLS."""
        self._database = database
        self._sealer = sealer
        self._http = HttpPoster(transport, TIMEOUT_SECONDS)
        self._billing = billing
        self._private = private
        self._under_way: list[_UnderWay] = []
        self._failures: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._rounds = count(1)
        self._leases = (f"{socket.gethostname()}:{getpid()}:events:{number}" for number in count())

    def address_violation(self, url: str) -> str | None:
        """What is wrong with the address of a webhook, if anything can be told before it is resolved."""
        return address_violation(url, private=self._private)

    # ---- the loop

    async def step(self) -> bool:
        """Record, claim, and let the claimed go; whether there is or may be more to do."""
        finished = [one for one in self._under_way if one.task.done()]
        worth_it = bool(finished) or await self._database.read(self._anything_due)
        if worth_it:
            told, claimed = await self._database.write(
                partial(self._round, finished=finished, lease=next(self._leases))
            )
            self._under_way = [one for one in self._under_way if one not in finished]
            self._tell(told)
            self._served.update(dict.fromkeys((event.receiver for _, event in claimed), next(self._rounds)))
            self._under_way += [_UnderWay(event, self._post(address, event)) for address, event in claimed]
        if not self._under_way:
            return False
        await asyncio.wait(
            [one.task for one in self._under_way], timeout=_LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        return True

    async def finish(self) -> None:
        """Break off what is under way; it is sent again, under the same id."""
        under_way, self._under_way = self._under_way, []
        for one in under_way:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in under_way), return_exceptions=True)
        if not under_way:
            return
        try:
            await self._database.write(partial(_record, finished=under_way))
        except StorageUnavailableError:
            log.warning("events could not be recorded; they are sent again when their leases end")

    def _is_failing(self, receiver: str) -> bool:
        return self._failures[receiver] >= _FAILURES

    def _room(self, receiver: str, claimed: Sequence[ClaimedEvent] = ()) -> int:
        """How many more a receiver may be sent now; those that fail have a few places of their own, and no others."""
        under_way = [one.event for one in self._under_way if not one.task.done()]
        busy = Counter(one.receiver for one in (*under_way, *claimed))
        failing = self._is_failing(receiver)
        alike = sum(number for other, number in busy.items() if self._is_failing(other) is failing)
        most, together = (1, _AT_ONCE_FAILING) if failing else (_AT_ONCE_FOR_ONE, _AT_ONCE)
        return max(0, min(most - busy[receiver], together - alike))

    def _in_turn(self, receivers: Sequence[str]) -> list[str]:
        """Who was served longest ago comes first: no name stands before another for good."""
        return sorted(receivers, key=lambda receiver: self._served.get(receiver, 0))

    def _anything_due(self, connection: Connection) -> bool:
        now, machine_now = current_state(connection).now, datetime.now(UTC)
        return any(
            event_queue.is_due(connection, receiver, now, machine_now)
            for receiver in event_queue.open_receivers(connection)
            if self._room(receiver)
        )

    # ---- one commit

    def _round(
        self, connection: Connection, *, finished: Sequence[_UnderWay], lease: str
    ) -> tuple[list[PostResult], list[tuple[Address, ClaimedEvent]]]:
        now, machine_now = current_state(connection).now, datetime.now(UTC)
        told = _record(connection, finished=finished)
        claimed: list[tuple[Address, ClaimedEvent]] = []
        addresses = self._addresses(connection)
        for receiver in self._in_turn(event_queue.open_receivers(connection)):
            address = addresses.get(receiver)
            if address is None:
                event_queue.mark_unaddressed(connection, receiver, _SET_ASIDE_AT_ONCE)
                continue
            most = self._room(receiver, [event for _, event in claimed])
            due = event_queue.due_events(connection, receiver, now, machine_now, most, lease) if most else []
            claimed += [(address, event) for event in due]
        event_queue.lease(connection, [event for _, event in claimed], machine_now + _LEASE)
        return told, claimed

    def _addresses(self, connection: Connection) -> Mapping[str, Address]:
        given = {
            f"sp:{code}": Address(url, sealed, is_sealed=True) for code, url, sealed in catalogue.webhooks(connection)
        }
        return {**given, **({BILLING: self._billing} if self._billing else {})}

    # ---- one request

    def _post(self, address: Address, event: ClaimedEvent) -> asyncio.Task[Answer]:
        return asyncio.create_task(self._send(address, event), name="event")

    async def _send(self, address: Address, event: ClaimedEvent) -> Answer:
        """What goes wrong here, whatever it is, went wrong with this event alone (safety.md 32)."""
        try:
            return await self._attempt(address, event)
        except Exception as error:
            log.exception("an event could not be sent", receiver=event.receiver, event_id=event.id)
            return NoAnswer(sent=False, reason=type(error).__name__)

    async def _attempt(self, address: Address, event: ClaimedEvent) -> Answer:
        violation = self.address_violation(address.url)
        if violation is not None:
            return NoAnswer(sent=False, reason=f"the address {violation}")
        secret = self._sealer.open(address.secret) if address.is_sealed else address.secret
        if secret is None:
            return NoAnswer(sent=False, reason="the secret was sealed with another key; PUT the service provider again")
        if violation := signing_violation(secret):
            return NoAnswer(sent=False, reason=f"the secret {violation}")
        body = body_of(event)
        headers = {"content-type": "application/json", **Signatures([secret]).sign(event.id, body)}
        return await self._http.post(httpx.URL(address.url), headers, body)

    # ---- what others see of it

    def _tell(self, told: Sequence[PostResult]) -> None:
        for one in told:
            event, taken = one.event, one.status is EventStatus.ACKNOWLEDGED
            self._failures[event.receiver] = 0 if taken else self._failures[event.receiver] + 1
            observability.EVENTS.labels(_result(one)).inc()
            if self._failures[event.receiver] == _FAILURES:
                log.warning("a receiver of events does not answer well", receiver=event.receiver, answer=one.error)
            if one.status is EventStatus.DEAD:
                log.error("an event was given up", receiver=event.receiver, type=event.type, event_id=event.id)
            if one.is_alarm:
                log.error("money or a stop is not acknowledged", receiver=event.receiver, event_id=event.id)

    # ---- reading

    async def page(
        self, *, after: str | None, receiver: str | None, status: str | None, limit: int, former: bool
    ) -> list[EventRead]:
        """Events behind one, oldest first; ``former``: also those about former tenures."""
        return await self._database.read(
            partial(events.page, after=after, receiver=receiver, status=status, limit=limit, former=former)
        )

    async def find(self, event_id: str, *, former: bool) -> EventRead | None:
        """An event by its id, whatever became of it."""
        return await self._database.read(partial(events.find, event_id=event_id, former=former))

    async def send_again(self, event_id: str) -> bool:
        """Send an event that was given up; whether there was one."""
        return await self._database.write(
            lambda connection: event_queue.requeue(connection, event_id, current_state(connection).now)
        )


def body_of(event: ClaimedEvent) -> bytes:
    """What is posted."""
    made_at = event.made_at.astimezone(SHANGHAI).isoformat()
    return to_json({"id": event.id, "type": event.type, "timestamp": made_at, "data": json.loads(event.data)})


def _is_yes(answer: Answer) -> bool:
    return isinstance(answer, HttpAnswer) and answer.status in _TAKEN


def _words(answer: Answer) -> str:
    return f"HTTP {answer.status}" if isinstance(answer, HttpAnswer) else answer.reason


def _became(one: _UnderWay, now: datetime) -> PostResult:
    event = one.event
    if one.task.cancelled():
        return PostResult(event, EventStatus.PENDING, now, "broken off")
    answer = one.task.result()
    if _is_yes(answer):
        return PostResult(event, EventStatus.ACKNOWLEDGED, now)
    asked = answer.retry_after() if isinstance(answer, HttpAnswer) else None
    jitter = random.random()  # noqa: S311  not a secret
    again = next_try(event.receiver, event.type, event.made_at, now, event.attempts, jitter, asked)
    if again is None:
        return PostResult(event, EventStatus.DEAD, now, _words(answer))
    return PostResult(event, EventStatus.PENDING, again, _words(answer), is_alarm=is_overdue(event.made_at, now))


def _record(connection: Connection, *, finished: Sequence[_UnderWay]) -> list[PostResult]:
    now = current_state(connection).now
    told = [_became(one, now) for one in finished]
    event_queue.record(connection, told, now)
    return told


def _result(told: PostResult) -> str:
    if told.status is EventStatus.PENDING:
        return "overdue" if told.is_alarm else "failed"
    return told.status.value
