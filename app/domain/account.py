"""A subscriber's account: everything that a turn may look at and change (design: one idea)."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from app.domain.dialogue import Arrival, ClosedAs, Question
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
    """How she pays."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class SubscriberStatus(StrEnum):
    """``closed`` ends a tenure (safety.md 1); ``suspended`` blocks orders only (safety.md 2)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Language(StrEnum):
    """What she is written to in."""

    ZH = "zh"
    EN = "en"


@value
class Plan:
    """A data plan; sizes in KB of 1024 bytes, the price beyond it in fen for each MB."""

    name: str
    data_kb: int
    overage_fen_per_mb: int | None = None


@value
class Subscriber:
    """A tenure of a number: one person for as long as the number is hers."""

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
        """When the number became hers (UTC); None for its first holder, whose beginning nobody knows."""
        return self.created_at if self.tenure > 1 else None

    def former_tenure(self, at: datetime) -> int | None:
        """The tenure that what happened at a moment (UTC) belongs to, if that one is over (safety.md 1).

        None: it is hers, or, where she gave the number up before, nobody's.
        """
        if self.began_at is not None and at < self.began_at:
            return self.tenure - 1
        return self.tenure if self.closed_at is not None and at < self.closed_at else None


@value
class Account:
    """One number with its current tenure; ``subscriber`` is None for a number that is nobody's.

    ``arrivals`` tells of questions that are on their way how far they got, ``interrupted`` which ones other text from
    the bare access number followed that was made before; both are loaded for texts of hers.
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
        """The tenure that what happened at a moment (UTC) belongs to, if that one is over (safety.md 1)."""
        return self.subscriber.former_tenure(at) if self.subscriber else None

    @property
    def is_suspended(self) -> bool:
        """Whether it is a customer's who is suspended: she owes no monthly fee meanwhile (safety.md 2, 10)."""
        return self.customer is not None and self.customer.status is SubscriberStatus.SUSPENDED

    @property
    def language(self) -> Language:
        """What to write to this number in."""
        return self.subscriber.language if self.subscriber else Language.ZH

    def running_subscription(self, service_code: str, at: datetime) -> Subscription | None:
        """Her running subscription of a service, unsubscribed or not."""
        return next((item for item in self.subscriptions_of(service_code) if item.runs(at)), None)

    def subscriptions_of(self, service_code: str) -> Iterator[Subscription]:
        """Her subscriptions of a service, those that ended too."""
        return (item for item in self.subscriptions.values() if item.service_code == service_code)

    def arrival(self, question: Question) -> Arrival:
        """How far a question got, which decides what answers it (safety.md 6)."""
        if question.failed_at is not None or question.closed_as is ClosedAs.UNDELIVERABLE:
            return Arrival.FAILED
        if question.handed_over_at is not None:
            return Arrival.TAKEN
        return self.arrivals.get(question.id, Arrival.UNSENT)

    def may_have_reached(self, question: Question) -> bool:
        """Whether she can have the question in hand."""
        return self.arrival(question) in (Arrival.TAKEN, Arrival.UNKNOWN, Arrival.UNDER_WAY)

    def records_of(self, kind: type[R]) -> tuple[R, ...]:
        """Her records of a kind, oldest first; LookupError for a kind that the command does not read."""
        if kind not in self.records:
            raise LookupError(f"{kind.__name__} was not loaded: the command's `reads` must name it")
        found = [record for record in self.records[kind].values() if isinstance(record, kind)]
        return tuple(sorted(found, key=lambda record: (record.made_at, record.id)))

    def record(self, kind: type[R], record_id: str) -> R | None:
        """One record of hers; LookupError as above."""
        return next((record for record in self.records_of(kind) if record.id == record_id), None)

    def with_records(self, records: Mapping[type[Record], Mapping[str, Record]]) -> "Account":
        """The account with more kinds of records."""
        return replace(self, records={**self.records, **records})

    def with_evidence(self, evidence: tuple[EvidenceRecord, ...]) -> "Account":
        """The account with the records that a turn asked for."""
        return replace(self, evidence=evidence)

    def with_arrivals(self, arrivals: Mapping[str, Arrival], interrupted: frozenset[str]) -> "Account":
        """The account with how far its questions got, and which were interrupted, by their ids."""
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
        """The account after a turn's changes; a new tenure starts with nothing of the old one."""
        new_tenure = subscriber is not None and (self.subscriber is None or subscriber.tenure != self.subscriber.tenure)
        kept = {} if new_tenure else self.subscriptions
        asked = {} if new_tenure else self.questions
        return replace(
            self,
            subscriber=subscriber or self.subscriber,
            subscriptions={**kept, **{item.id: item for item in subscriptions}} if subscriptions else kept,
            questions={**asked, **{item.id: item for item in questions}} if questions else asked,
            limits=limits or (Limits() if new_tenure else self.limits),
            evidence=() if new_tenure else self.evidence,
            records=self._records_with(records, new_tenure=new_tenure),
        )

    def _records_with(
        self, changed: tuple[Record, ...], *, new_tenure: bool
    ) -> Mapping[type[Record], Mapping[str, Record]]:
        if not changed and not new_tenure:
            return self.records
        merged = {kind: {} if new_tenure else dict(known) for kind, known in self.records.items()}
        for record in changed:
            # A kind that was not loaded stays so: one record alone would pass for all of them.
            if type(record) in merged:
                merged[type(record)][record.id] = record
        return merged
