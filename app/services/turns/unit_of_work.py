"""The unit of work: the outcomes of a batch of turns, collected as rows and written in one commit."""

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from app import observability
from app.commands.limits import FORMER_CUSTOMER, noting_interruption
from app.commands.quiet_hours import HOLD_TIMER, held_reply, hold, is_held
from app.db import account_rows, accounts, delivery_outcomes, events, evidence, inbox, outbox, records, timers
from app.db.accounts import LockedConversation
from app.db.inbox import StoredMessage
from app.db.timers import StoredTimer
from app.domain.account import Account
from app.domain.evidence import ChainHead, EvidenceDraft, EvidenceRecord, append, canonical
from app.domain.heads import HeadKeys
from app.domain.messages import Reply
from app.domain.passwords import PasswordCheck
from app.domain.policy import ProviderTraits
from app.domain.records import Record
from app.domain.turn import Outcome, Stimulus, TextReceived, Turn, apply
from app.domain.values import value
from app.services.turns.codec import AccountCodec, limits_text
from app.services.turns.outbox_rows import message_rows, superseded_rows
from app.services.turns.question_rows import QuestionRows

_SALT_BYTES = 16


@value
class Waiting:
    """A stimulus in a number's queue: what it is, when it happened, who carries it, and the row that it came from."""

    stimulus: Stimulus
    at: datetime
    carrier: ProviderTraits
    source: StoredMessage | StoredTimer | None = None


@dataclass(slots=True)
class PendingAccount:
    """One number within a batch: its account moves on from turn to turn."""

    conversation: LockedConversation
    account: Account
    chain: ChainHead
    queue: deque[Waiting] = field(default_factory=deque)
    known_questions: frozenset[str] = frozenset()
    unsaved: dict[type[Record], dict[str, Record]] = field(default_factory=dict)

    @property
    def bucket(self) -> int:
        """The bucket of all its rows."""
        return self.conversation.bucket

    @property
    def tenure(self) -> int:
        """The current tenure, 0 for a number that was never anybody's."""
        return self.account.subscriber.tenure if self.account.subscriber else 0


def _differ(after: Account, before: Account) -> bool:
    """Whether a turn changed what is loaded of an account for every turn."""
    return (
        after.subscriber is not before.subscriber
        or after.subscriptions is not before.subscriptions
        or after.questions is not before.questions
        or after.limits != before.limits
    )


class UnitOfWork:
    """All rows that a batch of turns causes."""

    def __init__(self, codec: AccountCodec, ids: Iterator[str], heads: HeadKeys) -> None:
        self._codec = codec
        self._heads = heads
        self._ids = ids
        self.version = next(ids)
        self.changed: dict[str, PendingAccount] = {}
        self._subscribers: dict[tuple[str, int], dict[str, object]] = {}
        self._subscriptions: dict[str, dict[str, object]] = {}
        self._questions = QuestionRows(codec)
        self._timers: dict[tuple[object, ...], StoredTimer] = {}
        self._dropped_timers: dict[tuple[object, ...], dict[str, object]] = {}
        self._evidence: list[EvidenceRecord] = []
        self._events: list[dict[str, object]] = []
        self._outbound: list[dict[str, object]] = []
        self._handled: list[dict[str, object]] = []
        self._kept: list[dict[str, object]] = []
        self._failed: list[dict[str, object]] = []
        self._ended_tenures: list[tuple[int, str, int]] = []
        self._records = records.Changes()
        self._superseded: list[dict[str, object]] = []
        self._held: dict[tuple[object, ...], tuple[dict[str, object], Turn]] = {}

    # ---- taking up outcomes

    def take(self, entry: PendingAccount, turn: Turn, waiting: Waiting, outcome: Outcome) -> None:
        """Take up an outcome; the number's account moves on."""
        outcome = noting_interruption(turn, outcome)
        before = entry.tenure
        account_before = entry.account
        kept_until = outcome.kept_until if isinstance(waiting.source, StoredMessage) else None
        # Of what is kept for later only the limits count: the rest is not stored, so nobody may remember it.
        entry.account = apply(entry.account, outcome if kept_until is None else Outcome(limits=outcome.limits))
        if outcome.evidence or _differ(entry.account, account_before):
            self.changed[entry.account.msisdn] = entry
        if kept_until is not None and isinstance(waiting.source, StoredMessage):
            self._keep(waiting.source, kept_until)
            return
        if entry.tenure != before:
            entry.chain = self._heads.sign(entry.account.msisdn, entry.tenure)
            entry.unsaved.clear()
        if outcome.tenure_ended:
            self._ended_tenures.append((entry.bucket, entry.account.msisdn, before))
        self._take_rows(entry, turn, outcome)
        for reply in outcome.replies:
            self._reply(entry, turn, waiting, reply)
        self._done(entry, turn, waiting, outcome)

    def hold_back(self, entry: PendingAccount, check: PasswordCheck) -> None:
        """Leave a message where it is until its password has been looked at; the try counts from now on."""
        self._records.note((entry.bucket, entry.account.msisdn, entry.tenure), check.tries)

    def _take_rows(self, entry: PendingAccount, turn: Turn, outcome: Outcome) -> None:
        msisdn, tenure = entry.account.msisdn, entry.tenure
        self._take_evidence(entry, turn, outcome.evidence)
        subscriber = entry.account.subscriber
        if subscriber is not None and (outcome.evidence or outcome.subscriber):
            self._subscribers[msisdn, tenure] = account_rows.subscriber_row(entry.bucket, subscriber, entry.chain)
        for item in outcome.subscriptions:
            self._subscriptions[item.id] = account_rows.subscription_row((entry.bucket, msisdn, tenure), item)
        for question in outcome.questions:
            before, known = turn.account.questions.get(question.id), question.id in entry.known_questions
            self._questions.take((entry.bucket, msisdn, tenure), before, question, known=known)
        for event in outcome.events:
            row = {
                "bucket": entry.bucket,
                "msisdn": msisdn,
                "tenure": tenure,
                "id": next(self._ids),
                "made_at": turn.now,
            }
            self._events.append({**row, "receiver": event.receiver, "type": event.type, "data": canonical(event.data)})
        for record in outcome.records:
            self._records.note((entry.bucket, msisdn, tenure), record)
            entry.unsaved.setdefault(type(record), {})[record.id] = record
        for about in outcome.superseded:
            self._superseded.append({"bucket": entry.bucket, "msisdn": msisdn, "about": about})
            self._drop_timer(entry.bucket, msisdn, tenure, HOLD_TIMER, about)
            key = (msisdn, tenure, HOLD_TIMER, about)
            self._held[key] = (self._dropped_timers[key], turn)
        for drop in outcome.dropped_timers:
            self._drop_timer(entry.bucket, msisdn, tenure, drop.kind, drop.subject)
        for timer in outcome.timers:
            self._set_timer(
                StoredTimer(entry.bucket, msisdn, tenure, timer.kind, timer.subject, timer.due_at, timer.data)
            )

    def _take_evidence(self, entry: PendingAccount, turn: Turn, drafts: Sequence[EvidenceDraft]) -> None:
        """New links of her chain; its head is signed once, not link by link."""
        msisdn, tenure, end = entry.account.msisdn, entry.tenure, entry.chain
        for draft in drafts:
            salt = secrets.token_hex(_SALT_BYTES)
            record = append(end, draft, msisdn=msisdn, tenure=tenure, at=turn.at, salt=salt)
            end = ChainHead(record.seq, record.hash)
            self._evidence.append(record)
        if drafts:
            entry.chain = self._heads.follow(msisdn, tenure, entry.chain, end)

    def _set_timer(self, timer: StoredTimer) -> None:
        self._timers[timer.msisdn, timer.tenure, timer.kind, timer.subject] = timer

    def _drop_timer(self, bucket: int, msisdn: str, tenure: int, kind: str, subject: str) -> None:
        key = (msisdn, tenure, kind, subject)
        self._timers.pop(key, None)
        row = {"bucket": bucket, "msisdn": msisdn, "tenure": tenure, "kind": kind, "subject": subject}
        self._dropped_timers[key] = row

    def _reply(self, entry: PendingAccount, turn: Turn, waiting: Waiting, reply: Reply) -> None:
        if is_held(reply, turn):
            timer = hold(reply, next(self._ids), turn)
            self._set_timer(
                StoredTimer(
                    entry.bucket,
                    entry.account.msisdn,
                    entry.tenure,
                    timer.kind,
                    timer.subject,
                    timer.due_at,
                    timer.data,
                )
            )
            return
        place = (entry.bucket, entry.account.msisdn, entry.tenure)
        answered = waiting.stimulus.id if isinstance(waiting.stimulus, TextReceived) else None
        self._outbound += message_rows(turn, place, self._ids, reply, in_reply_to=answered)

    # ---- the stimulus itself

    def _done(self, entry: PendingAccount, turn: Turn, waiting: Waiting, outcome: Outcome) -> None:
        source, former = waiting.source, outcome.former_tenure
        if former is not None:
            observability.UNUSED.labels(outcome.verdict).inc()
        if isinstance(source, StoredMessage):
            self._handled.append(
                {
                    "bucket": source.bucket,
                    "msisdn": source.msisdn,
                    "id": source.id,
                    "status": "handled" if former is None else "ignored",
                    "verdict": outcome.verdict,
                    "handled_at": turn.now,
                    "tenure": entry.tenure if former is None else former,
                    "sealed": None,
                    "trace": None,
                }
            )
        elif isinstance(source, StoredTimer):
            key = (source.msisdn, source.tenure, source.kind, source.subject)
            if key not in self._timers:
                self.drop(source)

    def drop(self, source: StoredTimer) -> None:
        """Take away a timer that fell due, or that was a former customer's."""
        self._drop_timer(source.bucket, source.msisdn, source.tenure, source.kind, source.subject)

    def _keep(self, source: StoredMessage, until: datetime) -> None:
        self._kept.append(
            {"bucket": source.bucket, "msisdn": source.msisdn, "id": source.id, "due_at": until, "verdict": "kept"}
        )

    def fail(
        self, source: StoredMessage, status: str, tries: int, trace: str, now: datetime, tenure: int | None = None
    ) -> None:
        """Note a try that raised; ``status`` is pending, or dead in a tenure."""
        row = {
            "bucket": source.bucket,
            "msisdn": source.msisdn,
            "id": source.id,
            "status": status,
            "tries": tries,
            "trace": trace,
            "handled_at": now,
            "tenure": tenure,
        }
        self._failed.append(row)

    def postpone(self, source: StoredTimer, due_at: datetime) -> None:
        """Try a timer again later, because its turn raised."""
        self._set_timer(
            StoredTimer(source.bucket, source.msisdn, source.tenure, source.kind, source.subject, due_at, source.data)
        )

    # ---- writing

    def write(self, connection: Connection, now: datetime) -> None:
        """Write everything; the caller's transaction commits it."""
        for bucket, msisdn, tenure in self._ended_tenures:
            outbox.supersede_queued(connection, bucket, msisdn, tenure, now)
            ignored = inbox.ignore_pending(connection, (bucket, msisdn), tenure, FORMER_CUSTOMER, now)
            observability.UNUSED.labels(FORMER_CUSTOMER).inc(ignored)
        timers.drop_all_of(connection, self._ended_tenures)
        accounts.save_conversations(connection, [self._conversation_row(entry) for entry in self.changed.values()])
        accounts.save_subscribers(connection, list(self._subscribers.values()))
        accounts.save_subscriptions(connection, list(self._subscriptions.values()))
        self._questions.write(connection)
        self._note_superseded(connection)
        timers.drop_timers(connection, list(self._dropped_timers.values()))
        timers.set_timers(connection, list(self._timers.values()))
        self._records.write(connection)
        evidence.append_evidence(connection, self._evidence)
        events.append_events(connection, self._events)
        delivery_outcomes.supersede(connection, self._superseded, now)
        outbox.enqueue(connection, self._outbound)
        for rows in (self._handled, self._kept, self._failed):
            inbox.mark(connection, rows)

    def _conversation_row(self, entry: PendingAccount) -> dict[str, object]:
        return {
            "bucket": entry.bucket,
            "msisdn": entry.account.msisdn,
            "tenure": entry.tenure,
            "guards": limits_text(entry.account.limits),
            "version": self.version,
        }

    def _note_superseded(self, connection: Connection) -> None:
        """Held messages that are recalled are not sent, and are on record (safety.md 18)."""
        for found in timers.data_of(connection, [key for key, _ in self._held.values()]):
            turn = self._held[found.msisdn, found.tenure, found.kind, found.subject][1]
            place = (found.bucket, found.msisdn, found.tenure)
            self._outbound += superseded_rows(turn, place, self._ids, held_reply(found.data))

    @property
    def made_messages(self) -> bool:
        """Whether there is something to send."""
        return bool(self._outbound)
