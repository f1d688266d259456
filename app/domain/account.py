"""The account of a number: everything that a turn may read and change."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from app.domain.dialogue import Arrival, ClosedAs, Question, QuestionState
from app.domain.evidence import EvidenceRecord
from app.domain.limits import Limits
from app.domain.records import R, Record
from app.domain.subscriptions import Subscription
from app.domain.values import replace, value


class Brand(StrEnum):
    """The operator's brands; shown as 全球通, 动感地带, 神州行."""

    GOTONE = "gotone"
    MZONE = "mzone"
    EASYOWN = "easyown"


class Payment(StrEnum):
    """The way of payment: before use, from the balance, or after it, by bill."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class SubscriberStatus(StrEnum):
    """The state of a tenure: ``closed`` ends it (safety.md 1); ``suspended`` blocks orders only (safety.md 2)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Language(StrEnum):
    """The language of the texts that the subscriber gets."""

    ZH = "zh"
    EN = "en"


@value
class Plan:
    """A subscriber's plan.

    Attributes:
        data_kb: the data that it includes each month, in KB of 1024 bytes; 0 if none.
        overage_fen_per_mb: the price of data beyond it, in fen per MB; None for the standard price.
    """

    name: str
    data_kb: int
    overage_fen_per_mb: int | None = None


@value
class Subscriber:
    """One tenure: a person, for as long as they have the number.

    Attributes:
        msisdn: the number in E.164, such as ``+8613800138000``.
        tenure: counts the holders of the number, from 1.
        balance_fen: the balance in fen; negative if the subscriber owes money.
        password_hash: the hash of the service password; None if none was set.
        created_at: when the tenure began, or, for the first one, when the gateway was told of it (UTC).
        closed_at: when the subscriber gave the number up (UTC).
    """

    msisdn: str
    tenure: int
    brand: Brand
    vip: bool
    payment: Payment
    balance_fen: int
    points: int
    status: SubscriberStatus
    language: Language
    plan: Plan | None
    password_hash: str | None
    created_at: datetime
    closed_at: datetime | None = None

    @property
    def began_at(self) -> datetime | None:
        """When the tenure began (UTC); None for the first holder of the number, as nobody knows that time."""
        return self.created_at if self.tenure > 1 else None

    def former_tenure(self, at: datetime) -> int | None:
        """Return the past tenure that an event at ``at`` (UTC) belongs to (safety.md 1).

        Return None if the event belongs to this tenure while it lasts, or to nobody because this tenure had ended.
        """
        if self.began_at is not None and at < self.began_at:
            return self.tenure - 1
        return self.tenure if self.closed_at is not None and at < self.closed_at else None


@value
class Account:
    """One number with its current tenure.

    Attributes:
        msisdn: the number in E.164.
        subscriber: the current or last tenure; None for a number that never was a customer's.
        subscriptions, questions: by id. Questions are those that are open or ended in the last days.
        limits: the recent traffic of the number.
        evidence: the evidence that the command asked for; empty otherwise.
        records: the kinds of records that the command reads; in each kind by id.
        arrivals: how far the messages of open questions got, by the question's id; loaded for an MO only.
        interrupted: ids of questions after which other text from the bare access number may have arrived, although it
            was made before them; loaded for an MO only (safety.md 6).
    """

    msisdn: str
    subscriber: Subscriber | None = None
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    evidence: tuple[EvidenceRecord, ...] = ()
    records: Mapping[type[Record], Mapping[str, Record]] = field(default_factory=dict)
    arrivals: Mapping[str, Arrival] = field(default_factory=dict)
    interrupted: frozenset[str] = frozenset()

    @property
    def customer(self) -> Subscriber | None:
        """The subscriber, if the number is in use."""
        if self.subscriber is None or self.subscriber.status is SubscriberStatus.CLOSED:
            return None
        return self.subscriber

    def former_tenure(self, at: datetime) -> int | None:
        """Return the past tenure that an event at ``at`` (UTC) belongs to, or None (safety.md 1)."""
        return self.subscriber.former_tenure(at) if self.subscriber else None

    @property
    def is_suspended(self) -> bool:
        """True for a suspended customer, who owes no monthly fee meanwhile (safety.md 2, 10)."""
        return self.customer is not None and self.customer.status is SubscriberStatus.SUSPENDED

    @property
    def language(self) -> Language:
        """The language of texts to this number; Chinese if it is not a customer's."""
        return self.subscriber.language if self.subscriber else Language.ZH

    def running_subscription(self, service_code: str, at: datetime) -> Subscription | None:
        """Return the subscription to a service that runs at ``at`` (UTC), unsubscribed or not, or None."""
        return next((item for item in self.subscriptions_of(service_code) if item.runs(at)), None)

    def subscriptions_of(self, service_code: str) -> Iterator[Subscription]:
        """Iterate over the subscriptions to a service, including those that ended."""
        return (item for item in self.subscriptions.values() if item.service_code == service_code)

    def unclosed_questions(self, kind: type[QuestionState] = QuestionState) -> Iterator[Question]:
        """Iterate over the questions of a kind, by default all, that nothing has closed; their window may be over."""
        return (item for item in self.questions.values() if item.closed_at is None and isinstance(item.state, kind))

    def close_questions(
        self, at: datetime, how: ClosedAs, kind: type[QuestionState] = QuestionState
    ) -> tuple[Question, ...]:
        """Return the unclosed questions of a kind, by default all, as closed at ``at`` (UTC)."""
        return tuple(question.closed(at, how) for question in self.unclosed_questions(kind))

    def arrival(self, question: Question) -> Arrival:
        """Return how far the messages of a question got, which decides what can answer it (safety.md 6)."""
        if question.failed_at is not None or question.closed_as is ClosedAs.UNDELIVERABLE:
            return Arrival.FAILED
        if question.handed_over_at is not None:
            return Arrival.TAKEN
        return self.arrivals.get(question.id, Arrival.UNSENT)

    def may_have_reached(self, question: Question) -> bool:
        """Return True if the question may be on the subscriber's handset."""
        return self.arrival(question) in (Arrival.TAKEN, Arrival.UNKNOWN, Arrival.UNDER_WAY)

    def records_of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the records of a kind, oldest first. Raise LookupError for a kind that the command does not read."""
        if kind not in self.records:
            raise LookupError(f"{kind.__name__} was not loaded: the command's `reads` must name it")
        of_kind = [record for record in self.records[kind].values() if isinstance(record, kind)]
        return tuple(sorted(of_kind, key=lambda record: (record.made_at, record.id)))

    def record(self, kind: type[R], record_id: str) -> R | None:
        """Return a record by its id, or None. Raise LookupError for a kind that the command does not read."""
        return next((record for record in self.records_of(kind) if record.id == record_id), None)

    def with_records(self, records: Mapping[type[Record], Mapping[str, Record]]) -> "Account":
        """Return the account with more kinds of records."""
        return replace(self, records={**self.records, **records})

    def with_evidence(self, evidence: tuple[EvidenceRecord, ...]) -> "Account":
        """Return the account with the evidence that a command asked for."""
        return replace(self, evidence=evidence)

    def with_arrivals(self, arrivals: Mapping[str, Arrival], interrupted: frozenset[str]) -> "Account":
        """Return the account with the arrivals of its questions and the ids of those that were interrupted."""
        return replace(self, arrivals=arrivals, interrupted=interrupted)

    def with_changes(
        self,
        *,
        subscriber: Subscriber | None,
        subscriptions: tuple[Subscription, ...],
        questions: tuple[Question, ...],
        limits: Limits | None,
        records: tuple[Record, ...] = (),
    ) -> "Account":
        """Return the account after a turn's changes; a new tenure inherits nothing from the old one."""
        new_tenure = subscriber is not None and (self.subscriber is None or subscriber.tenure != self.subscriber.tenure)
        old_subscriptions = {} if new_tenure else self.subscriptions
        old_questions = {} if new_tenure else self.questions
        return replace(
            self,
            subscriber=subscriber or self.subscriber,
            subscriptions={**old_subscriptions, **{item.id: item for item in subscriptions}}
            if subscriptions
            else old_subscriptions,
            questions={**old_questions, **{item.id: item for item in questions}} if questions else old_questions,
            limits=limits or (Limits() if new_tenure else self.limits),
            evidence=() if new_tenure else self.evidence,
            records=self._records_with(records, new_tenure=new_tenure),
        )

    def _records_with(
        self, changed: tuple[Record, ...], *, new_tenure: bool
    ) -> Mapping[type[Record], Mapping[str, Record]]:
        if not changed and not new_tenure:
            return self.records
        merged = {kind: {} if new_tenure else dict(old) for kind, old in self.records.items()}
        for record in changed:
            # A kind that was not loaded stays unloaded: this one record would look like all records of the kind.
            if type(record) in merged:
                merged[type(record)][record.id] = record
        return merged
