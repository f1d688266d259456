"""Webhooks to SPs and billing: signed, in order for each subscriber, repeated until acknowledged (flows.md 14).

One claim takes the first due event of every subscriber. Each event is posted in a request of its own, and its result
is recorded together with the next claim. All this happens outside of turns, so a slow receiver delays no subscriber.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count

import httpx
from pydantic_core import to_json
from sqlalchemy import Connection

from app import observability
from app.db import catalogue, event_queue, events
from app.db.clock import clock_of
from app.db.event_queue import ClaimedEvent, PostResult
from app.db.events import EventRead
from app.db.session import Database
from app.db.state import current_state
from app.domain.calendar import SHANGHAI
from app.domain.credentials import signing_violation
from app.domain.events import BILLING, EventStatus, is_overdue, next_try
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.providers.http import HttpAnswer, HttpPoster, NoAnswer
from app.providers.signatures import Signatures
from app.services.events.public_addresses import address_violation
from app.services.paging import Page, PageRequest
from app.services.sealing import Sealer
from app.services.worker_number import process_name

__all__ = ["Address", "EventRead", "OutgoingEvents", "body_of"]

TIMEOUT_SECONDS = 10.0
_LEASE = timedelta(seconds=60)
# The most requests in flight: to all receivers that work, to each of them, and to all that fail.
_MAX_IN_FLIGHT = 64
_MAX_PER_RECEIVER = 8
_MAX_FAILING = 16
_MAX_UNADDRESSED = 500
# After this many failures in a row a receiver is sent one event at a time, until it acknowledges one.
_FAILURES_TO_LIMIT = 3
_SUCCESS = range(200, 300)
log = observability.logger(__name__)


@value
class Address:
    """The URL of a receiver, and the secret that signs its events (``whsec_…``); ``is_sealed``: it is encrypted."""

    url: str
    secret: str
    is_sealed: bool = False


Answer = HttpAnswer | NoAnswer


@dataclass(slots=True)
class _InFlight:
    event: ClaimedEvent
    task: asyncio.Task[Answer]


class OutgoingEvents:
    """Sends events, and reads them for receivers that catch up."""

    def __init__(
        self,
        database: Database,
        transport: httpx.AsyncBaseTransport,
        sealer: Sealer,
        billing: Address | None,
        *,
        private: bool,
    ) -> None:
        """``billing`` is None if billing has no webhook. ``private``: allow private addresses and plain http."""
        self._database = database
        self._sealer = sealer
        self._http = HttpPoster(transport, TIMEOUT_SECONDS)
        self._billing = billing
        self._private = private
        self._in_flight: list[_InFlight] = []
        self._interrupted = asyncio.Event()
        self._failures: Counter[str] = Counter()
        self._served_in_round: dict[str, int] = {}
        self._rounds = count(1)
        me = process_name()
        self._leases = (f"{me}:events:{number}" for number in count())

    def address_violation(self, url: str) -> str | None:
        """Return what is wrong with the URL of a webhook, or None; a host name is not resolved."""
        return address_violation(url, private=self._private)

    # ---- the loop

    async def step(self) -> bool:
        """Record finished requests, claim due events and post them. Return True if there may be more to do."""
        self._interrupted.clear()
        finished = [request for request in self._in_flight if request.task.done()]
        anything_to_do = bool(finished) or await self._database.read(self._anything_due)
        if anything_to_do:
            results, claimed = await self._database.write(
                partial(self._record_and_claim, finished=finished, lease=next(self._leases))
            )
            self._in_flight = [request for request in self._in_flight if request not in finished]
            self._report_results(results)
            self._served_in_round.update(dict.fromkeys((event.receiver for _, event in claimed), next(self._rounds)))
            self._in_flight += [_InFlight(event, self._post(address, event)) for address, event in claimed]
        if not self._in_flight:
            return False
        interrupted = asyncio.ensure_future(self._interrupted.wait())
        requests = [request.task for request in self._in_flight]
        await asyncio.wait([*requests, interrupted], return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        return True

    def interrupt(self) -> None:
        """Have a step that waits for answers return."""
        self._interrupted.set()

    async def finish(self) -> None:
        """Cancel the requests in flight; their events are sent again under the same ids."""
        cancelled, self._in_flight = self._in_flight, []
        for request in cancelled:
            request.task.cancel()
        await asyncio.gather(*(request.task for request in cancelled), return_exceptions=True)
        if not cancelled:
            return
        try:
            await self._database.write(partial(_record, finished=cancelled))
        except StorageUnavailableError:
            log.warning("events could not be recorded; they are sent again when their leases end")

    async def end_lapsed_leases(self) -> None:
        """Queue events again whose worker died; any process may send them then."""
        await self._database.write(lambda connection: event_queue.end_lapsed(connection, clock_of(connection)()))

    def _is_failing(self, receiver: str) -> bool:
        return self._failures[receiver] >= _FAILURES_TO_LIMIT

    def _room(self, receiver: str, claimed: Sequence[ClaimedEvent] = ()) -> int:
        """Return how many more events a receiver may be sent now.

        Receivers that fail share a small limit of their own, so that they take no room from those that work.
        """
        events_in_flight = [request.event for request in self._in_flight if not request.task.done()]
        busy = Counter(event.receiver for event in (*events_in_flight, *claimed))
        failing = self._is_failing(receiver)
        in_same_group = sum(number for other, number in busy.items() if self._is_failing(other) is failing)
        own_limit, group_limit = (1, _MAX_FAILING) if failing else (_MAX_PER_RECEIVER, _MAX_IN_FLIGHT)
        return max(0, min(own_limit - busy[receiver], group_limit - in_same_group))

    def _least_recently_served_first(self, receivers: Sequence[str]) -> list[str]:
        """Sort receivers so that none is preferred for its name."""
        return sorted(receivers, key=lambda receiver: self._served_in_round.get(receiver, 0))

    def _anything_due(self, connection: Connection) -> bool:
        state = current_state(connection)
        return any(
            event_queue.is_due(connection, receiver, state.now)
            for receiver in event_queue.open_receivers(connection)
            if self._room(receiver)
        )

    # ---- one commit

    def _record_and_claim(
        self, connection: Connection, *, finished: Sequence[_InFlight], lease: str
    ) -> tuple[list[PostResult], list[tuple[Address, ClaimedEvent]]]:
        state = current_state(connection)
        results = _record(connection, finished=finished)
        claimed: list[tuple[Address, ClaimedEvent]] = []
        addresses = self._addresses_by_receiver(connection)
        for receiver in self._least_recently_served_first(event_queue.open_receivers(connection)):
            address = addresses.get(receiver)
            if address is None:
                event_queue.mark_unaddressed(connection, receiver, _MAX_UNADDRESSED)
                continue
            room = self._room(receiver, [event for _, event in claimed])
            due = event_queue.due_events(connection, receiver, state.now, room, lease)
            claimed += [(address, event) for event in due]
        leased = event_queue.lease(connection, [event for _, event in claimed], state.read_at + _LEASE)
        ours = {event.id for event in leased}
        return results, [(address, event) for address, event in claimed if event.id in ours]

    def _addresses_by_receiver(self, connection: Connection) -> Mapping[str, Address]:
        addresses = {
            f"sp:{code}": Address(url, sealed, is_sealed=True) for code, url, sealed in catalogue.webhooks(connection)
        }
        return {**addresses, **({BILLING: self._billing} if self._billing else {})}

    # ---- one request

    def _post(self, address: Address, event: ClaimedEvent) -> asyncio.Task[Answer]:
        return asyncio.create_task(self._send(address, event), name="event")

    async def _send(self, address: Address, event: ClaimedEvent) -> Answer:
        """Post an event; any error is the result of this event alone (safety.md 32)."""
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

    # ---- metrics and log lines

    def _report_results(self, results: Sequence[PostResult]) -> None:
        for result in results:
            event, acknowledged = result.event, result.status is EventStatus.ACKNOWLEDGED
            if acknowledged and self._is_failing(event.receiver):
                log.warning("a receiver of events answers well again", receiver=event.receiver)
            self._failures[event.receiver] = 0 if acknowledged else self._failures[event.receiver] + 1
            observability.EVENTS.labels(_metric_label(result)).inc()
            if self._failures[event.receiver] == _FAILURES_TO_LIMIT:
                log.warning("a receiver of events does not answer well", receiver=event.receiver, answer=result.error)
            if result.status is EventStatus.DEAD:
                log.error("an event was given up", receiver=event.receiver, type=event.type, event_id=event.id)
            if result.is_alarm:
                log.error("money or a stop is not acknowledged", receiver=event.receiver, event_id=event.id)

    # ---- reading

    async def page(self, receiver: str | None, status: EventStatus | None, part: PageRequest) -> Page[EventRead]:
        """Return events, by id; ``receiver`` and ``status`` None: of any."""
        wanted = partial(events.page, receiver=receiver, status=status, former=part.former)
        found = await self._database.read(partial(wanted, part=part.one_more()))
        return Page.of(found, part.limit, lambda item: item.id)

    async def find(self, event_id: str, *, former: bool) -> EventRead | None:
        """Return an event in any status by its id, or None; ``former``: also one about a former tenure."""
        return await self._database.read(partial(events.find, event_id=event_id, former=former))

    async def send_again(self, event_id: str) -> bool:
        """Queue a dead or unaddressed event for sending. Return False if there is no such event."""
        return await self._database.write(
            lambda connection: event_queue.requeue(connection, event_id, current_state(connection).now)
        )


def body_of(event: ClaimedEvent) -> bytes:
    """Return the JSON that is posted for an event; its timestamp is in Shanghai time."""
    made_at = event.made_at.astimezone(SHANGHAI).isoformat()
    return to_json({"id": event.id, "type": event.type, "timestamp": made_at, "data": json.loads(event.data)})


def _is_acknowledged(answer: Answer) -> bool:
    return isinstance(answer, HttpAnswer) and answer.status in _SUCCESS


def _error_text(answer: Answer) -> str:
    return f"HTTP {answer.status}" if isinstance(answer, HttpAnswer) else answer.reason


def _post_result(request: _InFlight, now: datetime) -> PostResult:
    event = request.event
    if request.task.cancelled():
        return PostResult(event, EventStatus.PENDING, now, "broken off")
    answer = request.task.result()
    if _is_acknowledged(answer):
        return PostResult(event, EventStatus.ACKNOWLEDGED, now)
    retry_after = answer.retry_after() if isinstance(answer, HttpAnswer) else None
    jitter = random.random()  # noqa: S311  not a secret
    again = next_try(event.receiver, event.type, event.made_at, now, event.attempts, jitter, retry_after)
    if again is None:
        return PostResult(event, EventStatus.DEAD, now, _error_text(answer))
    return PostResult(event, EventStatus.PENDING, again, _error_text(answer), is_alarm=is_overdue(event.made_at, now))


def _record(connection: Connection, *, finished: Sequence[_InFlight]) -> list[PostResult]:
    now = current_state(connection).now
    results = [_post_result(request, now) for request in finished]
    event_queue.record(connection, results, now)
    return results


def _metric_label(result: PostResult) -> str:
    unacknowledged = "overdue" if result.is_alarm else "failed"
    return unacknowledged if result.status is EventStatus.PENDING else result.status.value
