"""Imports: what a customer has already by another system is taken over (http-api.md; safety.md 3, 8)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from app.commands.directory import UNKNOWN_SUBSCRIBER
from app.commands.registry import call
from app.commands.tenures import not_hers
from app.commands.trial_timers import trial_timers
from app.commands.unsubscribing import run_out, summary
from app.domain.account import FREE_PERIOD, Channel, Subscription, SubscriptionState, Terms
from app.domain.catalogue import Service
from app.domain.evidence import EvidenceDraft
from app.domain.turn import Outcome, Stimulus, Turn, refused
from app.domain.values import replace, value


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


@call(ImportSubscription)
def import_subscription(turn: Turn) -> Outcome:
    """Take over what exists; never revive what she ended since, never make anything cost more (safety.md 3, 8)."""
    wanted = turn.stimulus_as(ImportSubscription)
    if turn.account.customer is None:
        return refused(404, UNKNOWN_SUBSCRIBER)
    service = turn.catalogue.services.get(wanted.service_code)
    if service is None:
        return refused(404, "No such service: create it with PUT /api/v1/services/{service_code}.")
    if wanted.state is SubscriptionState.TRIAL and wanted.trial_ends_at is None:
        return refused(422, "A trial needs trial_ends_at.")
    if wanted.as_of and (unfit := not_hers(turn.account, "as_of", wanted.as_of)):
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
