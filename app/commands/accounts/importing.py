"""Import subscriptions that customers already have in another system (http-api.md, management API; safety.md 3, 8)."""

from app.commands.accounts.import_lines import Imported, ImportLine, ImportSubscription
from app.commands.accounts.import_rules import IMPORT_RULES
from app.commands.orders.trial_timers import trial_timers
from app.commands.orders.trials import update_question_expiry
from app.commands.registry import call
from app.commands.subscriptions.unsubscribing import mark_ended, summary
from app.domain.evidence import EvidenceDraft
from app.domain.merging import merge_outcomes
from app.domain.orders import Order
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import FREE_PERIOD, Subscription, SubscriptionState, Terms
from app.domain.turn import Outcome, TimerSet, Turn, refused
from app.domain.values import replace


@call(ImportSubscription, reads=(Order,))
def import_subscription(turn: Turn) -> Outcome:
    """Import one subscription; return it with the names of the fields that keep the gateway's value (safety.md 8)."""
    request = turn.stimulus_as(ImportSubscription)
    if turn.account.customer is None:
        return refused(RefusalReason.UNKNOWN_SUBSCRIBER)
    service = turn.catalogue.services.get(request.service_code)
    if service is None:
        return refused(RefusalReason.UNKNOWN_SERVICE)
    line = ImportLine.of(turn, request, service)
    for reason, is_broken, detail in IMPORT_RULES:
        if is_broken(line):
            return refused(reason, detail)
    after = _new_subscription(line) if line.held is None else _corrected_subscription(line, line.held)
    kept = _kept_fields(request, after)
    done = Imported(after, kept, is_new=line.held is None)
    if after == line.held:
        return request.returning(done, Outcome(verdict="as before"))
    return request.returning(
        done, merge_outcomes(_import_outcome(line, after, kept), update_question_expiry(turn, after))
    )


def _import_outcome(line: ImportLine, after: Subscription, kept: tuple[str, ...]) -> Outcome:
    turn, request = line.turn, line.request
    draft = EvidenceDraft("import", after.id, {
        "service_code": after.service_code, "who": request.who, "channel": request.channel.value,
        "as_of": line.as_of.isoformat(), "kept": kept,
        "before": summary(line.held) if line.held else None, "after": summary(after),
    })  # fmt: skip
    # End what has run out but whose timer is late: at most one subscription to a service may run.
    late = [item for item in line.ended if item.state is not SubscriptionState.ENDED]
    over = [mark_ended(item, request.who) for item in late]
    return Outcome(
        subscriptions=(*(ended for ended, _ in over), after),
        timers=_changed_timers(turn, line.held, after),
        evidence=(*(ended for _, ended in over), draft),
        verdict="imported",
    )


def _changed_timers(turn: Turn, held: Subscription | None, after: Subscription) -> tuple[TimerSet, ...]:
    """Return the timers of a trial, or none if its end has not changed: nobody is asked twice."""
    stays = held is not None and (held.state, held.trial_ends_at) == (after.state, after.trial_ends_at)
    return () if stays else trial_timers(turn, after)


def _new_subscription(line: ImportLine) -> Subscription:
    """Return the subscription that a line starts; its free 72 hours run from the start, as there was no yes.

    A declined service starts no earlier than the no, so that no earlier month is charged (safety.md 8). A service
    that could be ended by SMS last time still can (safety.md 3).
    """
    request, last = line.request, line.latest
    started_at = max(request.started_at, line.earliest_start)
    return Subscription(
        id=next(line.turn.ids),
        service_code=request.service_code,
        state=request.state,
        in_plan=request.in_plan,
        started_at=started_at,
        channel=request.channel,
        terms=_new_terms(line),
        trial_ends_at=request.trial_ends_at,
        contract_until=request.contract_until,
        free_until=started_at + FREE_PERIOD,
        began_under=last.began_under if last else line.turn.catalogue.version,
    )


def _new_terms(line: ImportLine) -> Terms:
    """Return the current terms of the service, with no part worse than the subscriber knew it before."""
    service, price = line.service, line.request.price_fen
    offered = Terms.of(service)
    known = (offered, *line.agreed_terms)
    return replace(
        offered,
        price_fen=min(terms.price_fen for terms in known) if price is None else price,
        cancel_effect=min((terms.cancel_effect for terms in known), key=lambda effect: effect.delay_rank),
    )


def _corrected_subscription(line: ImportLine, held: Subscription) -> Subscription:
    """Return the subscription as corrected by the line; what the subscriber confirmed stays, no start moves back."""
    request = line.request
    in_trial = request.state is SubscriptionState.TRIAL
    after = replace(
        held,
        in_plan=request.in_plan,
        terms=held.terms if request.price_fen is None else replace(held.terms, price_fen=request.price_fen),
        trial_ends_at=request.trial_ends_at if in_trial else held.trial_ends_at,
        contract_until=request.contract_until,
    )
    if held.confirmed_at is not None:
        return after
    started_at = max(held.started_at, request.started_at)
    free_until = started_at + FREE_PERIOD
    return replace(
        after,
        state=request.state,
        started_at=started_at,
        channel=request.channel,
        free_until=max(held.free_until or free_until, free_until),
    )


def _kept_fields(request: ImportSubscription, after: Subscription) -> tuple[str, ...]:
    """Return the fields in which the line differs from the subscription after the import."""
    given = {"started_at": request.started_at, "channel": request.channel, "trial_ends_at": request.trial_ends_at}
    return tuple(name for name, wanted in given.items() if wanted is not None and wanted != getattr(after, name))
