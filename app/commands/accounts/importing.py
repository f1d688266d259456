"""Imports: what a customer has already by another system is taken over (http-api.md; safety.md 3, 8)."""

from app.commands.accounts.directory import UNKNOWN_SUBSCRIBER
from app.commands.accounts.import_claims import Claim, ImportSubscription
from app.commands.accounts.import_objections import OBJECTIONS
from app.commands.orders.trial_timers import trial_timers
from app.commands.orders.trials import update_question_expiry
from app.commands.registry import call
from app.commands.subscriptions.unsubscribing import mark_ended, summary
from app.domain.evidence import EvidenceDraft
from app.domain.orders import Order
from app.domain.subscriptions import FREE_PERIOD, Subscription, SubscriptionState, Terms
from app.domain.turn import Outcome, TimerSet, Turn, merge_outcomes, refused
from app.domain.values import replace


@call(ImportSubscription, reads=(Order,))
def import_subscription(turn: Turn) -> Outcome:
    """Take over what exists; the answer names what is kept as it is here (safety.md 8)."""
    wanted = turn.stimulus_as(ImportSubscription)
    if turn.account.customer is None:
        return refused(404, UNKNOWN_SUBSCRIBER)
    service = turn.catalogue.services.get(wanted.service_code)
    if service is None:
        return refused(404, "No such service: create it with PUT /api/v1/services/{service_code}.")
    claim = Claim.of(turn, wanted, service)
    for status, stands_against, detail in OBJECTIONS:
        if stands_against(claim):
            return refused(status, detail)
    after = _new(claim) if claim.held is None else _corrected(claim, claim.held)
    if after == claim.held:
        return Outcome(kept=_kept(wanted, after), verdict="as before")
    return merge_outcomes(_taken_over(claim, after), update_question_expiry(turn, after))


def _taken_over(claim: Claim, after: Subscription) -> Outcome:
    turn, wanted, kept = claim.turn, claim.wanted, _kept(claim.wanted, after)
    draft = EvidenceDraft("import", after.id, {
        "service_code": after.service_code, "who": wanted.who, "channel": wanted.channel.value,
        "as_of": claim.as_of.isoformat(), "kept": kept,
        "before": summary(claim.held) if claim.held else None, "after": summary(after),
    })  # fmt: skip
    # What has run out and whose timer is late ends first: a service is held once.
    late = [item for item in claim.ended if item.state is not SubscriptionState.ENDED]
    over = [mark_ended(item, wanted.who) for item in late]
    return Outcome(
        subscriptions=(*(ended for ended, _ in over), after),
        timers=_timers(turn, claim.held, after),
        evidence=(*(ended for _, ended in over), draft),
        kept=kept,
        verdict="imported",
    )


def _timers(turn: Turn, held: Subscription | None, after: Subscription) -> tuple[TimerSet, ...]:
    """A trial whose end stays is not asked about once more."""
    stays = held is not None and (held.state, held.trial_ends_at) == (after.state, after.trial_ends_at)
    return () if stays else trial_timers(turn, after)


def _new(claim: Claim) -> Subscription:
    """What she has by the import alone: the free 72 hours run from when it began, as there is no yes here.

    What she refused begins no earlier than that, so no month before is charged (safety.md 8). Whether SMS ends it is
    as it was of the last that she had (safety.md 3).
    """
    wanted, last = claim.wanted, claim.known
    started_at = max(wanted.started_at, claim.earliest)
    return Subscription(
        id=next(claim.turn.ids),
        service_code=wanted.service_code,
        state=wanted.state,
        in_plan=wanted.in_plan,
        started_at=started_at,
        channel=wanted.channel,
        terms=_terms(claim),
        trial_ends_at=wanted.trial_ends_at,
        contract_until=wanted.contract_until,
        free_until=started_at + FREE_PERIOD,
        began_under=last.began_under if last else claim.turn.catalogue.version,
    )


def _terms(claim: Claim) -> Terms:
    """Those of the service at this moment, but in nothing worse than what she knew of it before."""
    service, price = claim.service, claim.wanted.price_fen
    offered = Terms(service.price_fen, service.billing, service.sp_code, service.cancel_effect)
    known = (offered, *claim.agreed)
    return replace(
        offered,
        price_fen=min(terms.price_fen for terms in known) if price is None else price,
        cancel_effect=min((terms.cancel_effect for terms in known), key=lambda effect: effect.delay_rank),
    )


def _corrected(claim: Claim, held: Subscription) -> Subscription:
    """What she has, with what the line corrects; what she confirmed here is hers, and nothing begins earlier."""
    wanted = claim.wanted
    in_trial = wanted.state is SubscriptionState.TRIAL
    after = replace(
        held,
        in_plan=wanted.in_plan,
        terms=held.terms if wanted.price_fen is None else replace(held.terms, price_fen=wanted.price_fen),
        trial_ends_at=wanted.trial_ends_at if in_trial else held.trial_ends_at,
        contract_until=wanted.contract_until,
    )
    if held.confirmed_at is not None:
        return after
    started_at = max(held.started_at, wanted.started_at)
    free_until = started_at + FREE_PERIOD
    return replace(
        after,
        state=wanted.state,
        started_at=started_at,
        channel=wanted.channel,
        free_until=max(held.free_until or free_until, free_until),
    )


def _kept(wanted: ImportSubscription, after: Subscription) -> tuple[str, ...]:
    """What the line says otherwise than it is now."""
    said = {"started_at": wanted.started_at, "channel": wanted.channel, "trial_ends_at": wanted.trial_ends_at}
    return tuple(name for name, given in said.items() if given is not None and given != getattr(after, name))
