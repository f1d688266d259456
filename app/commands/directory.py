"""The management API's calls that concern one subscriber: who she is, what she has (http-api.md; safety.md 1, 8)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from app.commands.data_reminders import with_reminders
from app.commands.listing import label_of
from app.commands.refunding import complete_all
from app.commands.registry import call
from app.commands.settling import end_with_tenure
from app.commands.speech import say
from app.commands.stopping import with_notices
from app.commands.tenures import not_hers
from app.commands.trial_timers import trial_timers
from app.commands.unsubscribing import Fate, Request, Wish, as_outcome, end_services, run_out, summary
from app.domain.account import (
    FREE_PERIOD,
    Brand,
    Channel,
    Language,
    Payment,
    Plan,
    Subscriber,
    SubscriberStatus,
    Subscription,
    SubscriptionState,
    Terms,
)
from app.domain.catalogue import Service
from app.domain.dialogue import ClosedAs
from app.domain.evidence import EvidenceDraft
from app.domain.messages import MessageClass, Reply
from app.domain.records import Record
from app.domain.service_numbers import Extension
from app.domain.texts import directory as texts
from app.domain.texts import unsubscribing
from app.domain.turn import EventDraft, Outcome, Stimulus, Turn, joined, refused
from app.domain.values import replace, value


@value
class SetSubscriber(Stimulus):
    """PUT or PATCH of a subscriber; only the fields named in ``given`` count. Times are UTC, amounts fen."""

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


@value
class ImportSubscription(Stimulus):
    """What exists already in another system, as of a moment."""

    who: str
    service_code: str
    state: SubscriptionState
    in_plan: bool
    started_at: datetime
    channel: Channel
    trial_ends_at: datetime | None = None
    contract_until: datetime | None = None
    price_fen: int | None = None
    as_of: datetime | None = None


@value
class AgentUnsubscribe(Stimulus):
    """An agent ends a service for a customer, for a reason on record."""

    who: str
    service_code: str
    reason: str


_UNKNOWN = "No such subscriber: create it with PUT /api/v1/subscribers/{msisdn}."
_FIELDS = ("brand", "vip", "payment", "balance_fen", "points", "status", "language", "plan")


@call(SetSubscriber)
def set_subscriber(turn: Turn) -> Outcome:
    """Create, change or close; a PUT after a close opens a new, empty tenure."""
    change = turn.stimulus_as(SetSubscriber)
    before = turn.account.customer
    outcome = with_reminders(turn, before, _set(turn, change))
    says_active = not change.create and "status" in change.given and change.status is SubscriberStatus.ACTIVE
    return with_notices(turn, before, outcome, says_active=says_active)


def _set(turn: Turn, change: SetSubscriber) -> Outcome:
    present = turn.account.subscriber
    if present is not None and present.status is not SubscriberStatus.CLOSED:
        return _changed(turn, change, present)
    if not change.create:
        if present is None:
            return refused(404, _UNKNOWN)
        return refused(409, "This tenure is closed: PUT the subscriber with status active to open a new one.")
    if present is not None and change.status is SubscriberStatus.CLOSED:
        return Outcome(verdict="closed before")
    return _opened(turn, change)


def _changed(turn: Turn, change: SetSubscriber, present: Subscriber) -> Outcome:
    if change.password_hash and present.password_hash:
        return refused(409, "There is a service password already; only the customer can change it, by SMS.")
    values = {name: getattr(change, name) for name in _FIELDS if name in change.given}
    updated = replace(present, **values, password_hash=change.password_hash or present.password_hash)
    if updated.status is SubscriberStatus.CLOSED:
        return joined(_closed(turn, change, updated), end_with_tenure(turn, change.who), complete_all(turn))
    return _password_told(turn, change, Outcome(subscriber=updated, verdict="changed"))


def _opened(turn: Turn, change: SetSubscriber) -> Outcome:
    before = turn.account.subscriber
    opened = Subscriber(
        msisdn=turn.account.msisdn,
        tenure=before.tenure + 1 if before else 1,
        created_at=turn.now,
        closed_at=turn.now if change.status is SubscriberStatus.CLOSED else None,
        password_hash=change.password_hash,
        **{name: getattr(change, name) for name in _FIELDS},
    )
    return _password_told(turn, change, Outcome(subscriber=opened, verdict="opened"))


def _password_told(turn: Turn, change: SetSubscriber, outcome: Outcome) -> Outcome:
    """A password that somebody else set is evidence, and the customer is told (safety.md 28)."""
    if not change.password_hash:
        return outcome
    draft = EvidenceDraft("password-set", turn.account.msisdn, {"who": change.who})
    language = change.language if "language" in change.given else turn.account.language
    return replace(outcome, replies=(_notice(turn, texts.PASSWORD_SET.say(language)),), evidence=(draft,))


def _notice(turn: Turn, *pieces: str, extension: str = Extension.COMMANDS) -> Reply:
    return say(turn, *pieces, extension=extension, kind=MessageClass.NOTICE)


def _closed(turn: Turn, change: SetSubscriber, subscriber: Subscriber) -> Outcome:
    """Everything of the tenure ends in one commit (safety.md 1)."""
    running = [item for item in turn.account.subscriptions.values() if item.state is not SubscriptionState.ENDED]
    ended = [replace(item, state=SubscriptionState.ENDED, ends_at=turn.at) for item in running]
    drafts = [
        EvidenceDraft("tenure-closed", after.id, {
            "service_code": after.service_code, "who": change.who, "before": summary(before), "after": summary(after),
        })
        for before, after in zip(running, ended, strict=True)
    ]  # fmt: skip
    events = [
        EventDraft(f"sp:{item.terms.sp_code}", "subscription.ended", {
            "msisdn": turn.account.msisdn, "service_code": item.service_code, "subscription_id": item.id,
            "ends_at": turn.at.isoformat(), "action": 2, "reason": 2,
        })
        for item in ended
    ]  # fmt: skip
    whole = EvidenceDraft("tenure-closed", turn.account.msisdn, {"who": change.who})
    questions = [question for question in turn.account.questions.values() if question.closed_at is None]
    return Outcome(
        subscriber=replace(subscriber, closed_at=turn.at),
        subscriptions=tuple(ended),
        questions=tuple(question.closed(turn.at, ClosedAs.WITHDRAWN) for question in questions),
        records=_records_ended(turn),
        evidence=(*drafts, whole),
        events=tuple(events),
        tenure_ended=True,
        verdict="closed",
    )


def _records_ended(turn: Turn) -> tuple[Record, ...]:
    """Records of every kind that do not outlive the tenure as they are."""
    known = (record for kind in turn.account.records.values() for record in kind.values())
    return tuple(after for before in known if (after := before.when_tenure_ends(turn.at)) is not before)


@call(ImportSubscription)
def import_subscription(turn: Turn) -> Outcome:
    """Take over what exists; never revive what she ended since, never make anything cost more (safety.md 3, 8)."""
    wanted = turn.stimulus_as(ImportSubscription)
    if turn.account.customer is None:
        return refused(404, _UNKNOWN)
    service = turn.catalogue.services.get(wanted.service_code)
    if service is None:
        return refused(404, "No such service: create it with PUT /api/v1/services/{service_code}.")
    if unfit := _unfit(turn, wanted):
        return refused(422, unfit)
    of_service = [item for item in turn.account.subscriptions.values() if item.service_code == wanted.service_code]
    held = next((item for item in of_service if item.runs(turn.at)), None)
    objection = next(_objections(wanted, held, of_service, wanted.as_of or turn.now), None)
    if objection:
        return refused(409, objection)
    after = _taken_over(turn, wanted, service, held)
    if after == held:
        return Outcome(verdict="as before")
    draft = EvidenceDraft("import", after.id, {
        "service_code": after.service_code, "who": wanted.who, "channel": wanted.channel.value,
        "as_of": (wanted.as_of or turn.now).isoformat(),
        "before": summary(held) if held else None, "after": summary(after),
    })  # fmt: skip
    # One that has run out and whose timer is late ends first: a service is held once.
    late = [item for item in of_service if item.state is not SubscriptionState.ENDED and not item.runs(turn.at)]
    over = [run_out(item, wanted.who) for item in late]
    return Outcome(
        subscriptions=(*(ended for ended, _ in over), after),
        timers=trial_timers(turn, after),
        evidence=(*(ended for _, ended in over), draft),
        verdict="imported",
    )


def _unfit(turn: Turn, wanted: ImportSubscription) -> str | None:
    if wanted.state is SubscriptionState.TRIAL and wanted.trial_ends_at is None:
        return "A trial needs trial_ends_at."
    return not_hers(turn.account, "as_of", wanted.as_of) if wanted.as_of else None


def _taken_over(turn: Turn, wanted: ImportSubscription, service: Service, held: Subscription | None) -> Subscription:
    """What she has by the import; the terms are those that she confirmed, or the service's of this moment."""
    offered = Terms(service.price_fen, service.billing, service.sp_code, service.cancel_effect)
    terms = held.terms if held else offered
    return Subscription(
        id=held.id if held else next(turn.ids),
        service_code=wanted.service_code,
        state=wanted.state,
        in_plan=wanted.in_plan,
        started_at=wanted.started_at,
        channel=wanted.channel,
        terms=terms if wanted.price_fen is None else replace(terms, price_fen=wanted.price_fen),
        trial_ends_at=wanted.trial_ends_at,
        contract_until=wanted.contract_until,
        confirmed_at=held.confirmed_at if held else None,
        goes_on=held.goes_on if held else False,
        # They run from her yes; where there is none here, from when it began (safety.md 8).
        free_until=held.free_until if held and held.confirmed_at else wanted.started_at + FREE_PERIOD,
        began_under=held.began_under if held else turn.catalogue.version,
    )


def _objections(
    wanted: ImportSubscription, held: Subscription | None, of_service: Iterable[Subscription], as_of: datetime
) -> Iterator[str]:
    """Why an import cannot be taken over: it never revives what she ended, and nothing gets worse for her by it."""
    if any(item.unsubscribed_at and item.unsubscribed_at > as_of for item in of_service):
        yield "She ended this service later than as_of; an import never revives it."
    in_trial = any(item.state is SubscriptionState.TRIAL for item in of_service)
    if in_trial and wanted.state is SubscriptionState.ACTIVE:
        yield "An import never turns a trial into a paid service."
    if held is None:
        return
    if held.state is SubscriptionState.ENDING:
        yield "This service is running out after an unsubscribe; an import never revives it."
    if held.in_plan and not wanted.in_plan:
        yield "An import never turns a service in the plan into one outside."
    if wanted.price_fen is not None and wanted.price_fen > held.terms.price_fen:
        yield "An import never raises the price that was confirmed; worse terms need the customer's yes."
    if wanted.contract_until and (held.contract_until is None or wanted.contract_until > held.contract_until):
        yield "An import never binds a customer for longer than she agreed to."


@call(AgentUnsubscribe)
def unsubscribe_for(turn: Turn) -> Outcome:
    """The same effect as her own unsubscribe; she is told by SMS (flows.md 17)."""
    wanted = turn.stimulus_as(AgentUnsubscribe)
    held = turn.account.held(wanted.service_code, turn.at) if turn.account.customer else None
    if held is None:
        return refused(404, "The customer does not have this service.")
    request = Request(wanted.who, Channel.AGENT, reason=wanted.reason, warned_already=True)
    ended = end_services(turn, [Wish(label_of(turn.catalogue, held), held)], request)
    if ended[0].fate is Fate.ALREADY:
        return Outcome(verdict="already ending")
    if ended[0].fate is Fate.REFUSED:
        return refused(409, "The service is under contract and cannot be ended yet.")
    outcome = as_outcome(turn, ended, request)
    opening = unsubscribing.BY_AGENT.say(turn.account.language)
    return replace(
        outcome, replies=(_notice(turn, opening, ended[0].text, extension=Extension.LISTING),), verdict="unsubscribed"
    )
