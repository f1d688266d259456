"""Calls about one subscriber: create, change, close, end a service by an agent."""

from app.commands.charges.refunding import complete_refunds
from app.commands.charges.settling import end_with_tenure
from app.commands.registry import ALL_RECORDS, call
from app.commands.replies import say
from app.commands.subscriptions.listing import label_of
from app.commands.subscriptions.unsubscribing import (
    UnsubscribeRequest,
    UnsubscribeResult,
    UnsubscribeTarget,
    as_outcome,
    end_services,
    summary,
)
from app.domain import sp_events
from app.domain.account import Brand, Language, Payment, Plan, Subscriber, SubscriberStatus
from app.domain.charges import Charge
from app.domain.dialogue import ClosedAs
from app.domain.evidence import EvidenceDraft
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass, Reply
from app.domain.orders import Order
from app.domain.records import Record
from app.domain.refunds import Refund
from app.domain.refusals import RefusalReason
from app.domain.service_numbers import Extension
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.texts import passwords as texts
from app.domain.texts import unsubscribing, wording
from app.domain.turn import Call, Outcome, Turn, refused
from app.domain.values import replace, value
from app.domain.versions import fits, version_of


@value
class SubscriberSet:
    """A subscriber as a call left it; ``is_new``: the call opened the tenure."""

    subscriber: Subscriber
    is_new: bool


@value
class SetSubscriber(Call[SubscriberSet]):
    """Create or change a subscriber.

    Attributes:
        who: The caller, for the evidence.
        given: The fields that the caller sent; a change ignores all others.
        create: True if the call may open a tenure.
        password_hash: The hash of a first password; refused if the subscriber has one already.
        expected: The versions that the present subscriber may have; None for any, or none.
    """

    who: str
    given: frozenset[str]
    create: bool
    brand: Brand = Brand.EASYOWN
    vip: bool = False
    payment: Payment = Payment.PREPAID
    balance_fen: int = 0
    points: int = 0
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    language: Language = Language.ZH
    plan: Plan | None = None
    password_hash: str | None = None
    expected: tuple[str, ...] | None = None


@value
class AgentUnsubscribe(Call[None]):
    """End a service for a customer, by an agent (``who``) who gives the reason."""

    who: str
    service_code: str
    reason: str


_FIELDS = ("brand", "vip", "payment", "balance_fen", "points", "status", "language", "plan")


@call(SetSubscriber, reads=ALL_RECORDS)
def set_subscriber(turn: Turn) -> Outcome:
    """Create, change or close a subscriber; after a close a call may open a new, empty tenure."""
    change = turn.stimulus_as(SetSubscriber)
    before = turn.account.customer
    if not fits(change.expected, version_of(before) if before else None):
        return refused(RefusalReason.CHANGED_MEANWHILE)
    outcome = _set(turn, change)
    after = outcome.subscriber or turn.account.subscriber
    if after is None or outcome.refusal is not None:
        return outcome
    return change.returning(SubscriberSet(after, outcome.subscriber is not None and before is None), outcome)


def _set(turn: Turn, change: SetSubscriber) -> Outcome:
    subscriber = turn.account.subscriber
    if subscriber is not None and subscriber.status is not SubscriberStatus.CLOSED:
        return _change(turn, change, subscriber)
    if not change.create:
        if subscriber is None:
            return refused(RefusalReason.UNKNOWN_SUBSCRIBER)
        return refused(RefusalReason.TENURE_CLOSED)
    if subscriber is not None and change.status is SubscriberStatus.CLOSED:
        return Outcome(verdict="closed before")
    return _open_tenure(turn, change)


def _change(turn: Turn, change: SetSubscriber, subscriber: Subscriber) -> Outcome:
    if change.password_hash and subscriber.password_hash:
        return refused(
            RefusalReason.PASSWORD_SET, "There is a service password already; only the customer can change it, by SMS."
        )
    values = {name: getattr(change, name) for name in _FIELDS if name in change.given}
    updated = replace(subscriber, **values, password_hash=change.password_hash or subscriber.password_hash)
    if updated.status is SubscriberStatus.CLOSED:
        return merge_outcomes(
            _close_tenure(turn, change, updated), end_with_tenure(turn, change.who), complete_refunds(turn)
        )
    return _with_password_notice(turn, change, Outcome(subscriber=updated, verdict="changed"))


def _open_tenure(turn: Turn, change: SetSubscriber) -> Outcome:
    before = turn.account.subscriber
    opened = Subscriber(
        msisdn=turn.account.msisdn,
        tenure=before.tenure + 1 if before else 1,
        created_at=turn.now,
        closed_at=turn.now if change.status is SubscriberStatus.CLOSED else None,
        password_hash=change.password_hash,
        **{name: getattr(change, name) for name in _FIELDS},
    )
    return _with_password_notice(turn, change, Outcome(subscriber=opened, verdict="opened"))


def _with_password_notice(turn: Turn, change: SetSubscriber, outcome: Outcome) -> Outcome:
    """Add evidence and a notice to the customer if the call set a password (safety.md 28)."""
    if not change.password_hash:
        return outcome
    draft = EvidenceDraft("password-set", turn.account.msisdn, {"who": change.who})
    language = change.language if "language" in change.given else turn.account.language
    return replace(outcome, replies=(_notice(turn, texts.PASSWORD_SET.say(language)),), evidence=(draft,))


def _notice(turn: Turn, *pieces: str, extension: str = Extension.COMMANDS) -> Reply:
    return say(turn, *pieces, extension=extension, kind=MessageClass.NOTICE)


def _close_tenure(turn: Turn, change: SetSubscriber, subscriber: Subscriber) -> Outcome:
    """Close the subscriber, and end everything of the tenure with it (safety.md 1)."""
    running = [item for item in turn.account.subscriptions.values() if item.state is not SubscriptionState.ENDED]
    ended = [replace(item, state=SubscriptionState.ENDED, ends_at=turn.at) for item in running]
    drafts = [
        EvidenceDraft("tenure-closed", after.id, {
            "service_code": after.service_code, "who": change.who, "before": summary(before), "after": summary(after),
        })
        for before, after in zip(running, ended, strict=True)
    ]  # fmt: skip
    number_closed = sp_events.Cause.NUMBER_CLOSED
    events = [sp_events.ended(turn.account.msisdn, item, number_closed, turn.at) for item in ended]
    of_tenure = EvidenceDraft("tenure-closed", turn.account.msisdn, {"who": change.who})
    return Outcome(
        subscriber=replace(subscriber, closed_at=turn.at),
        subscriptions=tuple(ended),
        questions=turn.account.close_questions(turn.at, ClosedAs.WITHDRAWN),
        records=_records_ended(turn),
        evidence=(*drafts, of_tenure),
        events=tuple(events),
        tenure_ended=True,
        verdict="closed",
    )


def _records_ended(turn: Turn) -> tuple[Record, ...]:
    """Return the records that the end of the tenure changes, as they are afterwards."""
    records = (record for kind in turn.account.records.values() for record in kind.values())
    return tuple(after for before in records if (after := before.when_tenure_ends(turn.at)) is not before)


@call(AgentUnsubscribe, reads=(Charge, Order, Refund))
def unsubscribe_by_agent(turn: Turn) -> Outcome:
    """Unsubscribe with the effect of the customer's own SMS, and notify the customer (flows.md 17)."""
    given = turn.stimulus_as(AgentUnsubscribe)
    held = turn.account.running_subscription(given.service_code, turn.at) if turn.account.customer else None
    if held is None:
        return refused(RefusalReason.NOT_SUBSCRIBED, "The customer does not have this service.")
    request = UnsubscribeRequest(given.who, Channel.AGENT, reason=given.reason, warned_already=True)
    ended = end_services(turn, [UnsubscribeTarget(label_of(turn.catalogue, held), held)], request)
    if ended[0].result is UnsubscribeResult.ALREADY:
        return Outcome(verdict="already ending")
    if ended[0].result is UnsubscribeResult.REFUSED:
        return refused(RefusalReason.UNDER_CONTRACT, "The service is under contract and cannot be ended yet.")
    outcome = as_outcome(turn, ended, request)
    language = turn.account.language
    what = wording.sentence(language, ended[0].text)
    notice = _notice(turn, unsubscribing.BY_AGENT.say(language), what, extension=Extension.LISTING)
    return replace(outcome, replies=(notice,), verdict="unsubscribed")
