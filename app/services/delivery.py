"""Handing messages over: claim, send, record, each for as many as are due (delivery.md 7-10)."""

import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from os import getpid

from sqlalchemy import Connection

from app import observability
from app.db import handovers, outbox
from app.db.handovers import Handover, QuestionKey
from app.db.outbox import ClaimedMessage
from app.db.session import Database
from app.db.state import current_state
from app.domain.messages import OutboundStatus
from app.domain.retry import backoff
from app.providers.base import Accepted, NotTried, Provider, Refused, RefusedForNow, SendResult, Submission, Unknown
from app.services.receipts import Receipts

_MOST = 500
LEASE = timedelta(seconds=60)
_LOOK_FOR_LOST_SECONDS = 1
log = observability.logger(__name__)


class Delivery:
    """Sends what is due through one provider."""

    def __init__(
        self, database: Database, provider: Provider, receipts: Receipts, wake_reports: Callable[[], None]
    ) -> None:
        self._database = database
        self._provider = provider
        self._receipts = receipts
        self._wake_reports = wake_reports
        self._worker = f"{socket.gethostname()}:{getpid()}:{provider.name}"
        self._next_look = 0.0

    async def step(self) -> bool:
        """Hand one batch over; whether there was anything due."""
        await self._look_for_lost()
        claimed, worked = await self._database.write(self._claim)
        if not claimed:
            return worked
        results = await self._send(claimed)
        await self._database.write(partial(self._record, claimed=claimed, results=results))
        self._wake_reports()
        self._count(results)
        return True

    async def _look_for_lost(self) -> None:
        """Now and then: nobody need start anew for a dead worker's messages to go on."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_FOR_LOST_SECONDS
            await self.give_back_lost()

    async def give_back_lost(self, *, everything: bool = False) -> None:
        """End the leases of workers that died; ``everything``: this is the only worker, and it has just started."""
        await self._database.write(partial(self._give_back, everything=everything))

    def _give_back(self, connection: Connection, *, everything: bool) -> None:
        now = current_state(connection).now
        resend = self._provider.recognises_reference
        count = outbox.give_back_lost(
            connection, self._provider.name, datetime.now(UTC), now, resend=resend, everything=everything
        )
        if count:
            log.warning("attempts of a worker that died", provider=self._provider.name, count=count, resent=resend)
            observability.ATTEMPTS.labels(self._provider.name, "lost").inc(count)

    # ---- claim

    def _claim(self, connection: Connection) -> tuple[list[ClaimedMessage], bool]:
        now = current_state(connection).now
        outbox.lock_provider(connection, self._provider.name)
        due = outbox.due_messages(connection, self._provider.name, now, _MOST)
        if not due:
            return [], False
        # Leases are by the machine's clock: the gateway's may stand still.
        outbox.lease(connection, due, self._worker, datetime.now(UTC) + LEASE)
        late = [message for message in due if message.valid_until <= now]
        if late:
            expired = [
                Handover(m, OutboundStatus.EXPIRED, now, "", final_at=now, error_code="expired before it was taken")
                for m in late
            ]
            handovers.record(connection, expired, self._worker, now)
            handovers.tell_questions(connection, set(), _questions(late), now)
        return [message for message in due if message.valid_until > now], True

    # ---- send

    async def _send(self, claimed: Sequence[ClaimedMessage]) -> Sequence[SendResult]:
        submissions = [
            Submission(m.id, m.service_number, m.msisdn, m.text, m.encoding, m.segments, m.kind, m.lane, m.in_reply_to)
            for m in claimed
        ]
        observability.batch("delivery", len(claimed))
        try:
            return await self._provider.send(submissions)
        except Exception as error:
            log.exception("a provider adapter raised", provider=self._provider.name)
            return [Unknown(type(error).__name__)] * len(claimed)

    def _count(self, results: Sequence[SendResult]) -> None:
        for kind, count in Counter(type(result) for result in results).items():
            if kind is Accepted:
                observability.ACCEPTED.labels(self._provider.name).inc(count)
            observability.ATTEMPTS.labels(self._provider.name, kind.__name__.lower()).inc(count)

    # ---- record

    def _record(
        self, connection: Connection, *, claimed: Sequence[ClaimedMessage], results: Sequence[SendResult]
    ) -> None:
        now = current_state(connection).now
        done = [self._handover(message, result, now) for message, result in zip(claimed, results, strict=True)]
        handovers.record(connection, done, self._worker, now)
        taken = [item.message for item in done if item.handed_over_at]
        failed = [item.message for item in done if item.status is OutboundStatus.FAILED]
        handovers.tell_questions(connection, _questions(taken), _questions(failed), now)
        self._receipts.join_parked(
            connection, self._provider.name, [i.provider_message_id for i in done if i.provider_message_id], now
        )

    def _handover(self, message: ClaimedMessage, result: SendResult, now: datetime) -> Handover:
        match result:
            case Accepted(provider_message_id):
                return Handover(
                    message, OutboundStatus.ACCEPTED, now, "accepted", provider_message_id, handed_over_at=now
                )
            case Refused(code):
                return Handover(message, OutboundStatus.FAILED, now, "refused", final_at=now, error_code=code)
            case RefusedForNow(code, retry_after):
                wait = backoff(message.attempts, random.random(), retry_after)  # noqa: S311  jitter, not a secret
                again = outbox.retry_at(now, wait, message.valid_until)
                return Handover(message, OutboundStatus.QUEUED, again, "refused for now", error_code=code)
            case Unknown(code) if self._provider.recognises_reference:
                wait = backoff(message.attempts, random.random())  # noqa: S311  jitter, not a secret
                return Handover(
                    message,
                    OutboundStatus.QUEUED,
                    outbox.retry_at(now, wait, message.valid_until),
                    "unknown",
                    error_code=code,
                )
            case Unknown(code):
                return Handover(message, OutboundStatus.UNKNOWN, now, "unknown", error_code=code)
            case NotTried():
                return Handover(message, OutboundStatus.QUEUED, now, "")


def _questions(messages: Sequence[ClaimedMessage]) -> set[QuestionKey]:
    return {(message.bucket, message.msisdn, message.question_id) for message in messages if message.question_id}
