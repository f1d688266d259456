"""The unit of work: the outcomes of a batch of turns, collected as rows and written in one commit."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app import observability
from app.commands.limits import FORMER_CUSTOMER, KEPT, note_interruption
from app.commands.quiet_hours import HOLD_TIMER, held_reply, hold, is_held
from app.db import conversations, events, evidence, inbox, outbox, records, superseding, timers
from app.db.inbox import StoredMessage
from app.db.keys import TenureKey  # noqa: TC001  an annotation like any other here
from app.db.subscribers import save_subscribers, subscriber_row
from app.db.subscriptions import save_subscriptions, subscription_row
from app.db.superseding import MatterKey  # noqa: TC001  an annotation like any other here
from app.db.timers import StoredTimer, TimerKey
from app.domain.account import Account
from app.domain.evidence import ChainHead, EvidenceDraft, EvidenceRecord, append, canonical
from app.domain.heads import HeadKeys
from app.domain.messages import InboundStatus, Reply
from app.domain.passwords import PasswordCheck
from app.domain.turn import Outcome, Postponed, TimerSet, Turn, apply
from app.domain.values import replace
from app.services.turns.codec import AccountCodec, dump_limits
from app.services.turns.leasing import Leased, Outlet, lease_new
from app.services.turns.outbox_rows import message_rows, superseded_rows, without_tenure
from app.services.turns.pending import PendingAccount, QueuedStimulus
from app.services.turns.question_rows import QuestionRows
from app.services.turns.timer_rows import TimerRows

_SALT_BYTES = 16


def _differ(after: Account, before: Account) -> bool:
    """Return True if a turn changed a part of the account that is loaded for every turn."""
    return (
        after.subscriber is not before.subscriber
        or after.subscriptions is not before.subscriptions
        or after.questions is not before.questions
        or after.limits != before.limits
    )


class UnitOfWork:
    """All rows that a batch of turns writes.

    ``version`` is the id of the batch, drawn last, when it is written. It is stored with the conversations of the
    ``changed`` numbers: those of accounts that changed, and those that got a message or have an event.
    """

    def __init__(self, codec: AccountCodec, ids: Iterator[str], heads: HeadKeys) -> None:
        self._codec = codec
        self._heads = heads
        self._ids = ids
        self.version = ""
        self.changed: dict[str, PendingAccount] = {}
        self._subscribers: dict[tuple[str, int], dict[str, object]] = {}
        self._subscriptions: dict[str, dict[str, object]] = {}
        self._questions = QuestionRows(codec)
        self._timers = TimerRows()
        self._evidence: list[EvidenceRecord] = []
        self._events: list[dict[str, object]] = []
        self._outbound: list[dict[str, object]] = []
        self._handled: list[dict[str, object]] = []
        self._kept: list[dict[str, object]] = []
        self._failed: list[dict[str, object]] = []
        self._ended_tenures: list[TenureKey] = []
        self._records = records.Changes()
        self._superseded: list[MatterKey] = []
        # By the timers of held messages that are superseded: the turn that superseded each.
        self._superseded_held: dict[TimerKey, Turn] = {}

    # ---- outcomes

    def add(self, entry: PendingAccount, turn: Turn, queued: QueuedStimulus, outcome: Outcome) -> None:
        """Add the rows of an outcome and apply it to the account of ``entry``."""
        outcome = note_interruption(turn, outcome)
        key_before = entry.key
        account_before = entry.account
        entry.account = apply(entry.account, outcome)
        made = outcome.evidence or outcome.replies or outcome.events or outcome.superseded
        if made or _differ(entry.account, account_before):
            self.changed[entry.account.msisdn] = entry
        if entry.key != key_before:
            entry.chain = self._heads.sign(entry.account.msisdn, entry.tenure)
            entry.unsaved.clear()
        if outcome.tenure_ended:
            self._ended_tenures.append(key_before)
            self._timers.end_tenure(key_before)
            self._outbound = without_tenure(self._outbound, key_before, turn.now)
        self._add_rows(entry, turn, outcome)
        for reply in outcome.replies:
            self._add_reply(entry, turn, queued, reply)
        self._finish(entry, turn, queued, outcome)

    def postpone(self, entry: PendingAccount, message_id: str, postponed: Postponed) -> None:
        """Keep a message for later, and store the limits of its number."""
        if postponed.limits != entry.account.limits:
            self.changed[entry.account.msisdn] = entry
        entry.account = apply(entry.account, Outcome(limits=postponed.limits))
        self._kept.append(
            {
                "bucket": entry.bucket,
                "msisdn": entry.account.msisdn,
                "id": message_id,
                "due_at": postponed.until,
                "verdict": KEPT,
            }
        )

    def count_password_try(self, entry: PendingAccount, check: PasswordCheck) -> None:
        """Count a password try before the password is checked; the message itself stays pending."""
        self._records.note(entry.key, check.tries)

    def _add_rows(self, entry: PendingAccount, turn: Turn, outcome: Outcome) -> None:
        key = bucket, msisdn, tenure = entry.key
        self._add_evidence(entry, turn, outcome.evidence)
        subscriber = entry.account.subscriber
        if subscriber is not None and (outcome.evidence or outcome.subscriber):
            self._subscribers[msisdn, tenure] = subscriber_row(bucket, subscriber, entry.chain)
        for item in outcome.subscriptions:
            self._subscriptions[item.id] = subscription_row(key, item)
        queued = [reply for reply in outcome.replies if not is_held(reply, turn)]
        for question in outcome.questions:
            before, is_stored = turn.account.questions.get(question.id), question.id in entry.stored_questions
            self._questions.add(key, before, question, queued, is_stored=is_stored)
        for event in outcome.events:
            row = {"bucket": bucket, "msisdn": msisdn, "tenure": tenure, "id": next(self._ids), "made_at": turn.now}
            self._events.append({**row, "receiver": event.receiver, "type": event.type, "data": canonical(event.data)})
        for record in outcome.records:
            self._records.note(key, record)
            entry.unsaved.setdefault(type(record), {})[record.id] = record
        for about in map(str, outcome.superseded):
            self._superseded.append((bucket, msisdn, about))
            self._superseded_held[self._timers.drop(key, HOLD_TIMER, about)] = turn
        for drop in outcome.dropped_timers:
            self._timers.drop(key, drop.kind, drop.subject)
        for timer_set in outcome.timers:
            self._set_timer(entry, timer_set)

    def _add_evidence(self, entry: PendingAccount, turn: Turn, drafts: Sequence[EvidenceDraft]) -> None:
        """Append records to the chain of the tenure; sign its new head once, not once a record."""
        msisdn, tenure, end = entry.account.msisdn, entry.tenure, entry.chain
        for draft in drafts:
            salt = secrets.token_hex(_SALT_BYTES)
            record = append(end, draft, msisdn=msisdn, tenure=tenure, at=turn.at, salt=salt)
            end = ChainHead(record.seq, record.hash)
            self._evidence.append(record)
        if drafts:
            entry.chain = self._heads.follow(msisdn, tenure, entry.chain, end)

    def _set_timer(self, entry: PendingAccount, timer: TimerSet) -> None:
        self._timers.set(StoredTimer(*entry.key, timer.kind, timer.subject, timer.due_at, timer.data))

    def _add_reply(self, entry: PendingAccount, turn: Turn, queued: QueuedStimulus, reply: Reply) -> None:
        if is_held(reply, turn):
            self._set_timer(entry, hold(reply, next(self._ids), turn))
            return
        source = queued.source if isinstance(queued.source, StoredMessage) else None
        self._outbound += message_rows(turn, entry.key, self._ids, reply, answered=source)

    # ---- the row that a stimulus came from

    def _finish(self, entry: PendingAccount, turn: Turn, queued: QueuedStimulus, outcome: Outcome) -> None:
        source, former = queued.source, outcome.former_tenure
        if former is not None:
            observability.UNUSED.labels(observability.label(outcome.verdict)).inc()
        if isinstance(source, StoredMessage):
            self._handled.append(
                {
                    "bucket": source.bucket,
                    "msisdn": source.msisdn,
                    "id": source.id,
                    "status": InboundStatus.HANDLED if former is None else InboundStatus.IGNORED,
                    "verdict": outcome.verdict,
                    "handled_at": turn.now,
                    "tenure": entry.tenure if former is None else former,
                    "sealed": None,
                    "trace": None,
                }
            )
        elif isinstance(source, StoredTimer) and not self._timers.is_set(source):
            self.drop_timer(source)

    def drop_timer(self, source: StoredTimer) -> None:
        """Drop a timer that was handled, or that belongs to a former customer."""
        self._timers.drop((source.bucket, source.msisdn, source.tenure), source.kind, source.subject)

    def fail(self, source: StoredMessage, tries: int, trace: str, now: datetime, tenure: int | None = None) -> None:
        """Record a failed try of a message.

        ``tries`` counts all failed tries, from 1. ``tenure`` is the one that the message belongs to, if it is dead now;
        None: it is tried again.
        """
        row = {
            "bucket": source.bucket,
            "msisdn": source.msisdn,
            "id": source.id,
            "status": InboundStatus.PENDING if tenure is None else InboundStatus.DEAD,
            "tries": tries,
            "trace": trace,
            "handled_at": now,
            "tenure": tenure,
        }
        self._failed.append(row)

    def postpone_timer(self, source: StoredTimer, due_at: datetime) -> None:
        """Set a timer whose turn raised to fall due again at ``due_at`` (UTC)."""
        self._timers.set(replace(source, due_at=due_at))

    # ---- writing

    def write(self, connection: Connection, now: datetime, outlets: Mapping[str, Outlet] | None = None) -> Leased:
        """Write all rows in the transaction of the caller, who commits it.

        ``outlets`` lease new messages; return what they leased, which is to be sent after the commit.
        """
        if self._ended_tenures:
            superseding.supersede_tenures(connection, self._ended_tenures, now)
            ignored = inbox.ignore_pending(connection, self._ended_tenures, FORMER_CUSTOMER, now)
            observability.UNUSED.labels(observability.label(FORMER_CUSTOMER)).inc(ignored)
            timers.drop_all_of(connection, self._ended_tenures)
        self._add_superseded_messages(connection)
        self.version = next(self._ids)
        conversations.save_conversations(connection, [self._conversation_row(entry) for entry in self.changed.values()])
        save_subscribers(connection, list(self._subscribers.values()))
        save_subscriptions(connection, list(self._subscriptions.values()))
        self._questions.write(connection)
        self._timers.write(connection)
        self._records.write(connection)
        evidence.append_evidence(connection, self._evidence)
        events.append_events(connection, self._events)
        superseding.supersede_matters(connection, self._superseded, now)
        leased = lease_new(outlets or {}, connection, self._outbound, now)
        outbox.enqueue(connection, self._outbound)
        for rows in (self._handled, self._kept, self._failed):
            inbox.mark(connection, rows)
        return leased

    def _conversation_row(self, entry: PendingAccount) -> dict[str, object]:
        return {
            "bucket": entry.bucket,
            "msisdn": entry.account.msisdn,
            "tenure": entry.tenure,
            "guards": dump_limits(entry.account.limits),
            "version": self.version,
        }

    def _add_superseded_messages(self, connection: Connection) -> None:
        """Record the held messages that are superseded, which are still timers: they are not sent (safety.md 18)."""
        for found in timers.data_of(connection, list(self._superseded_held)):
            tenure = (found.bucket, found.msisdn, found.tenure)
            turn = self._superseded_held[*tenure, found.kind, found.subject]
            self._outbound += superseded_rows(turn, tenure, self._ids, held_reply(found.data))

    @property
    def message_count(self) -> int:
        """The number of messages that the batch put into the outbox."""
        return len(self._outbound)
