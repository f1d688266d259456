"""Announce charges and record uses: check the consent, then send the reminder (flows.md 7, 17; safety.md 10, 11)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.commands.charges.monthly_rules import covers, first_due, violations
from app.commands.charges.prices import price_of_use, subscription_at
from app.commands.charges.refunding import is_in_force
from app.commands.charges.reminding import remind
from app.commands.charges.settling import DUE_TIMER, charges_of_month, evidence_of
from app.commands.charges.use_reminders import covering_charge_id
from app.commands.codes import fresh_code
from app.commands.registry import call
from app.commands.tenures import tenure_violation
from app.domain.catalogue import Billing
from app.domain.charges import USE_DUE, Charge, ChargeKind, Use
from app.domain.evidence import EvidenceDraft
from app.domain.merging import merge_outcomes
from app.domain.months import last_moment, month_of
from app.domain.orders import Order
from app.domain.records import Record
from app.domain.refunds import Refund
from app.domain.refusals import Refusal, RefusalReason
from app.domain.subscriptions import Channel, Subscription
from app.domain.turn import Call, Outcome, TimerSet, Turn, apply, refused
from app.domain.values import replace, value

# How far in the future a reported use may lie.
_MAX_USE_LEAD = timedelta(minutes=10)
_INVALID, _CONFLICT, _TAKEN = RefusalReason.INVALID, RefusalReason.CONFLICT, RefusalReason.ID_TAKEN
_USE_CHANNELS = frozenset({Channel.SMS, Channel.WEB, Channel.WAP, Channel.APP})


@value
class AnnouncedCharge:
    """A charge that was announced, with its tenure.

    ``is_new`` is False if an equal request announced it before.
    """

    tenure: int
    charge: Charge
    is_new: bool


@value
class AnnounceCharge(Call[AnnouncedCharge]):
    """Billing's request for a charge.

    ``who`` is the caller, for the evidence; ``channel`` is that of a use. ``due_at`` is UTC, ``period`` a month in
    Shanghai such as ``2026-03``, where None means the month of ``due_at``.
    """

    who: str
    charge_id: str
    service_code: str
    kind: ChargeKind
    amount_fen: int
    due_at: datetime
    period: str | None = None
    channel: Channel | None = None

    def matches(self, charge: Charge) -> bool:
        """Return True if this charge was announced by the same request."""
        requested = (self.service_code, self.kind, self.amount_fen, self.due_at, self.month, self.channel)
        announced = (
            charge.service_code, charge.kind, charge.amount_fen, charge.asked_due_at, charge.period, charge.channel,
        )  # fmt: skip
        return requested == announced

    @property
    def month(self) -> str:
        """The month to charge for, such as ``2026-03``."""
        return self.period or month_of(self.due_at)

    def new_charge(self, turn: Turn, subscription: Subscription | None) -> Charge:
        """Return the announced charge, due no earlier than the free period's end for a monthly fee."""
        earliest = self.due_at
        if subscription is not None and self.kind is ChargeKind.MONTHLY and self.amount_fen:
            earliest = first_due(subscription)
        return Charge(
            id=self.charge_id,
            made_at=turn.now,
            kind=self.kind,
            service_code=self.service_code,
            subscription_id=subscription.id if subscription else None,
            amount_fen=self.amount_fen,
            period=self.month,
            asked_due_at=self.due_at,
            due_at=max(self.due_at, earliest),
            channel=self.channel,
        )


@value
class RecordUse(Call[AnnouncedCharge]):
    """A report of one use of a per-use service (点播); ``at`` is when it happened (UTC)."""

    who: str
    use_id: str
    service_code: str
    channel: Channel
    at: datetime


_NO_SERVICE = "service_code: the customer does not have this service, so there is no consent to a fee."
_UNKNOWN_CUSTOMER = "msisdn: this number is no customer's, so there is no consent to a fee."
_OTHER_BODY = "This id was used for something else; send the first body again, or take another id."


def _refuse(turn: Turn, request: AnnounceCharge, reason: RefusalReason, detail: str = "") -> Outcome:
    """Refuse a charge and record the request as evidence if the number has a subscriber (flows.md 7)."""
    draft = EvidenceDraft("fee-refused", request.charge_id, {
        "who": request.who, "service_code": request.service_code, "kind": request.kind.value,
        "amount_fen": request.amount_fen, "due_at": request.due_at.isoformat(), "why": detail or reason.value,
    })  # fmt: skip
    drafts = (draft,) if turn.account.customer else ()
    return replace(refused(reason, detail), evidence=drafts)


@call(AnnounceCharge, reads=(Charge, Order, Refund, Use))
def announce(turn: Turn) -> Outcome:
    """Record a charge that the subscriber consented to and remind them of it; refuse any other."""
    request = turn.stimulus_as(AnnounceCharge)
    existing = turn.account.record(Charge, request.charge_id)
    if existing is not None:
        same = request.matches(existing)
        return _known(turn, request, existing) if same else _refuse(turn, request, _TAKEN, _OTHER_BODY)
    customer = turn.account.customer
    if customer is None:
        return _refuse(turn, request, RefusalReason.NO_CONSENT, _UNKNOWN_CUSTOMER)
    if former := _violation_of_tenure(turn, request):
        return _refuse(turn, request, _INVALID, former)
    if request.kind is ChargeKind.PER_USE:
        return _announce_for_use(turn, request)
    subscription = _subscription_for(turn, request)
    violation = next(_violations(turn, request, subscription), None)
    if violation is not None:
        return _refuse(turn, request, violation.reason, violation.detail)
    return _new(turn, request, request.new_charge(turn, subscription))


def _known(turn: Turn, request: AnnounceCharge | RecordUse, charge: Charge) -> Outcome:
    """Return the charge that an equal request announced before."""
    return request.returning(AnnouncedCharge(turn.subscriber.tenure, charge, is_new=False), Outcome(verdict="known"))


def _new(turn: Turn, request: AnnounceCharge | RecordUse, charge: Charge, *records: Record) -> Outcome:
    """Record a charge together with other records, and return it."""
    outcome = merge_outcomes(_record_charge(turn, charge, request.who), Outcome(records=records))
    recorded = apply(turn.account, outcome).record(Charge, charge.id) or charge
    return request.returning(AnnouncedCharge(turn.subscriber.tenure, recorded, is_new=True), outcome)


def _violation_of_tenure(turn: Turn, request: AnnounceCharge) -> str | None:
    """Return why a charge belongs to a former subscriber: its month or due date lies before the present tenure."""
    return tenure_violation(turn.account, "period", last_moment(request.month)) or tenure_violation(
        turn.account, "due_at", request.due_at
    )


def _subscription_for(turn: Turn, request: AnnounceCharge) -> Subscription | None:
    """Return the running subscription of the service, preferably one that covers the month."""
    of_service = [item for item in turn.account.subscriptions.values() if item.service_code == request.service_code]
    running = [item for item in of_service if item.runs(turn.at)]
    return max(running, key=lambda item: (covers(item, request.month), item.started_at), default=None)


def _violations(turn: Turn, request: AnnounceCharge, subscription: Subscription | None) -> Iterator[Refusal]:
    """Yield a refusal for each rule that a monthly charge breaks (safety.md 2, 10; flows.md 17)."""
    if turn.account.is_suspended:
        yield Refusal(_INVALID, "The customer is suspended: no monthly fee falls due meanwhile.")
    if subscription is None:
        yield Refusal(RefusalReason.NO_CONSENT, _NO_SERVICE)
        return
    yield from (
        Refusal(_INVALID, violation.detail)
        for violation in violations(turn, request.new_charge(turn, subscription), subscription, request.due_at)
    )
    yield from _violations_by_other_charges(turn, request, subscription)


def _violations_by_other_charges(turn: Turn, request: AnnounceCharge, subscription: Subscription) -> Iterator[Refusal]:
    """Yield violations of "one charge per service and month", across subscriptions; free charges are exempt."""
    others = charges_of_month(turn, subscription.service_code, request.month) if request.amount_fen else []
    if any(is_in_force(turn, charge) for charge in others):
        yield Refusal(
            RefusalReason.ALREADY_CHARGED,
            "period: there is a monthly fee of this service and month; only after it is given up can be another.",
        )
    if subscription.unsubscribed_at is None or not request.amount_fen:
        return
    if request.month != subscription.owed_month or any(charge.subscription_id == subscription.id for charge in others):
        yield Refusal(
            _CONFLICT, "period: the customer unsubscribed, and was not told that a fee of this month is still to come."
        )


def _announce_for_use(turn: Turn, request: AnnounceCharge) -> Outcome:
    """Announce a per-use charge for the first recorded use of the service that has no charge yet."""
    uses = [use for use in turn.account.records_of(Use) if use.service_code == request.service_code]
    use = next((use for use in uses if use.charge_id is None), None)
    if use is None:
        return _refuse(turn, request, RefusalReason.NO_UNCHARGED_USE)
    if request.amount_fen > price_of_use(turn, use.service_code, use.at):
        return _refuse(turn, request, _INVALID, "amount_fen: is more than the price of the use at its time.")
    subscription = turn.account.running_subscription(request.service_code, turn.at)
    charge = replace(request.new_charge(turn, subscription), channel=request.channel or use.channel)
    return _new(turn, request, charge, replace(use, charge_id=charge.id))


def _record_charge(turn: Turn, charge: Charge, who: str) -> Outcome:
    """Record the charge and send its reminder; for one without a reminder, set the timer for its due date."""
    if not charge.needs_no_reminder:
        charge = replace(charge, code=fresh_code(turn))
    outcome = Outcome(
        records=(charge,),
        evidence=(evidence_of("fee-announced", None, charge, who=who),),
        verdict="announced",
    )
    if charge.needs_no_reminder:
        due = TimerSet(DUE_TIMER, charge.id, max(turn.now, charge.due_at))
        return replace(outcome, timers=(due,))
    turn = replace(turn, account=apply(turn.account, outcome))
    return merge_outcomes(outcome, remind(turn, charge))


# ---- uses


@call(RecordUse, reads=(Charge, Order, Use))
def record_use(turn: Turn) -> Outcome:
    """Record a use and its charge, and remind the subscriber at once.

    Of the uses by SMS, only the first of a day and more expensive ones get a reminder (flows.md 7).
    """
    request = turn.stimulus_as(RecordUse)
    existing = turn.account.record(Use, request.use_id)
    if existing is not None:
        same = (existing.service_code, existing.channel, existing.at) == (
            request.service_code,
            request.channel,
            request.at,
        )
        charge = turn.account.record(Charge, charge_id_of(request.use_id))
        if charge is None:
            return refused(RefusalReason.UNKNOWN, "There is no charge with this id.")
        return _known(turn, request, charge) if same else refused(_TAKEN, _OTHER_BODY)
    violation = next(_violations_of_use(turn, request), None)
    if violation is not None:
        return refused(violation.reason, violation.detail)
    charge = _charge_for_use(turn, request)
    use = Use(request.use_id, turn.now, request.service_code, request.channel, request.at, charge.id)
    return _new(turn, request, charge, use)


def charge_id_of(use_id: str) -> str:
    """Return the id of the charge for a use."""
    return f"use-{use_id}"


def _violations_of_use(turn: Turn, request: RecordUse) -> Iterator[Refusal]:
    """Yield a refusal for each rule that a reported use breaks."""
    if turn.account.customer is None:
        yield Refusal(RefusalReason.NO_CONSENT, _UNKNOWN_CUSTOMER)
    service = turn.catalogue.services.get(request.service_code)
    if service is None:
        yield Refusal(RefusalReason.INVALID_SERVICE_CODE)
    elif service.billing is not Billing.PER_USE:
        yield Refusal(_INVALID, "service_code: this service is not paid by use.")
    if request.channel not in _USE_CHANNELS:
        yield Refusal(_INVALID, "channel: a use comes by sms, web, wap or app.")
    if request.at > turn.now + _MAX_USE_LEAD:
        yield Refusal(_INVALID, "at: lies in the future.")
    if violation := tenure_violation(turn.account, "at", request.at):
        yield Refusal(_INVALID, violation)
    if turn.account.record(Charge, charge_id_of(request.use_id)) is not None:
        yield Refusal(_TAKEN, "use_id: another charge has the id that this use's would get; take another use_id.")


def _charge_for_use(turn: Turn, request: RecordUse) -> Charge:
    subscription = subscription_at(turn.account, request.service_code, request.at)
    amount_fen = price_of_use(turn, request.service_code, request.at)
    by_sms = request.channel is Channel.SMS
    return Charge(
        id=charge_id_of(request.use_id),
        made_at=turn.now,
        kind=ChargeKind.PER_USE,
        service_code=request.service_code,
        # A charge linked to a subscription that has ended would be waived when it falls due.
        subscription_id=subscription.id if subscription and subscription.runs(turn.at) else None,
        amount_fen=amount_fen,
        period=month_of(request.at),
        asked_due_at=request.at + USE_DUE,
        due_at=request.at + USE_DUE,
        channel=request.channel,
        any_hour=not by_sms,
        reminded_with=covering_charge_id(turn, request.service_code, request.at, amount_fen) if by_sms else None,
    )
