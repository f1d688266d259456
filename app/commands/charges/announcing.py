"""Fees that billing announces, and uses that make theirs: what may be charged (flows.md 7, 17; safety.md 10, 11)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.commands.charges.monthly import covers, first_due, violations
from app.commands.charges.refunding import stands
from app.commands.charges.reminding import remind
from app.commands.charges.settling import DUE_TIMER, charges_of_month, evidence_of
from app.commands.charges.use_prices import had, price_of_use, told_with
from app.commands.codes import fresh_code
from app.commands.registry import call
from app.commands.tenures import not_hers
from app.domain.account import Channel, Subscription
from app.domain.catalogue import Billing
from app.domain.charges import USE_DUE, Charge, ChargeKind, Use
from app.domain.evidence import EvidenceDraft
from app.domain.months import last_moment, month_of
from app.domain.turn import Outcome, Stimulus, TimerSet, Turn, apply, joined, refused
from app.domain.values import replace, value

# The verdict of a call that was made before, word for word.
KNOWN = "known"
_CLOCKS_DIFFER = timedelta(minutes=10)
_USED = frozenset({Channel.SMS, Channel.WEB, Channel.WAP, Channel.APP})


@value
class AnnounceCharge(Stimulus):
    """Billing wants a fee; fen, UTC, and ``period`` a month such as ``2026-03``."""

    who: str
    charge_id: str
    service_code: str
    kind: ChargeKind
    amount_fen: int
    due_at: datetime
    period: str | None = None
    channel: Channel | None = None

    def matches(self, charge: Charge) -> bool:
        """Whether this charge was announced by the same words."""
        asked = (self.service_code, self.kind, self.amount_fen, self.due_at, self.month, self.channel)
        held = (
            charge.service_code, charge.kind, charge.amount_fen, charge.asked_due_at, charge.period, charge.channel,
        )  # fmt: skip
        return asked == held

    @property
    def month(self) -> str:
        """The month that it is for."""
        return self.period or month_of(self.due_at)

    def charge(self, turn: Turn, held: Subscription | None) -> Charge:
        """The charge as it begins."""
        earliest = self.due_at
        if held is not None and self.kind is ChargeKind.MONTHLY and self.amount_fen:
            earliest = first_due(held)
        return Charge(
            id=self.charge_id,
            made_at=turn.now,
            kind=self.kind,
            service_code=self.service_code,
            subscription_id=held.id if held else None,
            amount_fen=self.amount_fen,
            period=self.month,
            asked_due_at=self.due_at,
            due_at=max(self.due_at, earliest),
            channel=self.channel,
        )


@value
class RecordUse(Stimulus):
    """A 点播 that happened at a moment (UTC)."""

    who: str
    use_id: str
    service_code: str
    channel: Channel
    at: datetime


_UNKNOWN_CUSTOMER = "msisdn: this number is no customer's, so there is no consent to a fee."
_OTHER_BODY = "This id was used for something else; send the first body again, or take another id."


def _no_fee(turn: Turn, status: int, detail: str, wanted: AnnounceCharge) -> Outcome:
    """No consent, no fee; what was wanted is on record (flows.md 7)."""
    draft = EvidenceDraft("fee-refused", wanted.charge_id, {
        "who": wanted.who, "service_code": wanted.service_code, "kind": wanted.kind.value,
        "amount_fen": wanted.amount_fen, "due_at": wanted.due_at.isoformat(), "why": detail,
    })  # fmt: skip
    drafts = (draft,) if turn.account.customer else ()
    return replace(refused(status, detail), evidence=drafts)


@call(AnnounceCharge)
def announce(turn: Turn) -> Outcome:
    """Take up a fee that she agreed to, and remind her of it; refuse any other."""
    wanted = turn.stimulus_as(AnnounceCharge)
    known = turn.account.record(Charge, wanted.charge_id)
    if known is not None:
        same = wanted.matches(known)
        return Outcome(verdict=KNOWN) if same else _no_fee(turn, 409, _OTHER_BODY, wanted)
    customer = turn.account.customer
    if customer is None:
        return _no_fee(turn, 422, _UNKNOWN_CUSTOMER, wanted)
    if former := _of_former_customer(turn, wanted):
        return _no_fee(turn, 422, former, wanted)
    if wanted.kind is ChargeKind.PER_USE:
        return _for_a_use(turn, wanted)
    held = _held(turn, wanted)
    violation = next(_violations(turn, wanted, held), None)
    if violation is not None:
        return _no_fee(turn, *violation, wanted)
    return _announced(turn, wanted.charge(turn, held), wanted.who)


def _of_former_customer(turn: Turn, wanted: AnnounceCharge) -> str | None:
    """Why a fee is not hers: its month was over, or it fell due, before she had the number."""
    return not_hers(turn.account, "period", last_moment(wanted.month)) or not_hers(
        turn.account, "due_at", wanted.due_at
    )


def _held(turn: Turn, wanted: AnnounceCharge) -> Subscription | None:
    """What she has of the service now, if it covers the month; else whatever she has of it."""
    mine = [item for item in turn.account.subscriptions.values() if item.service_code == wanted.service_code]
    running = [item for item in mine if item.runs(turn.at)]
    return max(running, key=lambda item: (covers(item, wanted.month), item.started_at), default=None)


def _violations(turn: Turn, wanted: AnnounceCharge, held: Subscription | None) -> Iterator[tuple[int, str]]:
    """Why a month's fee may not be taken (safety.md 2, 10; flows.md 17)."""
    if turn.account.is_suspended:
        yield 422, "The customer is suspended: no monthly fee falls due meanwhile."
    if held is None:
        yield 422, "service_code: the customer does not have this service, so there is no consent to a fee."
        return
    yield from (
        (422, violation.detail) for violation in violations(turn, wanted.charge(turn, held), held, wanted.due_at)
    )
    yield from _violations_beside_others(turn, wanted, held)


def _violations_beside_others(turn: Turn, wanted: AnnounceCharge, held: Subscription) -> Iterator[tuple[int, str]]:
    """One fee of a service and month, however often she left and came back; one that is free counts for nothing."""
    others = charges_of_month(turn, held.service_code, wanted.month) if wanted.amount_fen else []
    if any(stands(turn, fee) for fee in others):
        yield 409, "period: there is a monthly fee of this service and month; only after it is given up can be another."
    if held.unsubscribed_at is None or not wanted.amount_fen:
        return
    if wanted.month != held.owed_month or any(fee.subscription_id == held.id for fee in others):
        yield 409, "period: the customer unsubscribed, and was not told that a fee of this month is still to come."


def _for_a_use(turn: Turn, wanted: AnnounceCharge) -> Outcome:
    """Only a recorded use that has no charge yet can be charged."""
    uses = [use for use in turn.account.records_of(Use) if use.service_code == wanted.service_code]
    use = next((use for use in uses if use.charge_id is None), None)
    if use is None:
        detail = "kind: there is no use without a charge on record; POST /api/v1/usage/per-use makes its charge itself."
        return _no_fee(turn, 422, detail, wanted)
    if wanted.amount_fen > price_of_use(turn, use.service_code, use.at):
        return _no_fee(turn, 422, "amount_fen: is more than the price of the use at its time.", wanted)
    held = turn.account.held(wanted.service_code, turn.at)
    charge = replace(wanted.charge(turn, held), channel=wanted.channel or use.channel)
    charged = Outcome(records=(replace(use, charge_id=charge.id),))
    return joined(_announced(turn, charge, wanted.who), charged)


def _announced(turn: Turn, charge: Charge, who: str) -> Outcome:
    """The charge on record, with its reminder, or with its timer where nothing is said of it."""
    if not charge.is_silent:
        charge = replace(charge, code=fresh_code(turn))
    outcome = Outcome(
        records=(charge,),
        evidence=(evidence_of("fee-announced", None, charge, who=who),),
        verdict="announced",
    )
    if charge.is_silent:
        due = TimerSet(DUE_TIMER, charge.id, max(turn.now, charge.due_at))
        return replace(outcome, timers=(due,))
    turn = replace(turn, account=apply(turn.account, outcome))
    return joined(outcome, remind(turn, charge))


# ---- uses


@call(RecordUse)
def record_use(turn: Turn) -> Outcome:
    """A use and its charge: told at once, but by SMS only the first of a day, or a dearer one (flows.md 7)."""
    used = turn.stimulus_as(RecordUse)
    known = turn.account.record(Use, used.use_id)
    if known is not None:
        same = (known.service_code, known.channel, known.at) == (used.service_code, used.channel, used.at)
        return Outcome(verdict=KNOWN) if same else refused(409, _OTHER_BODY)
    violation = next(_violations_of_use(turn, used), None)
    if violation is not None:
        return refused(*violation)
    charge = _charge_of(turn, used)
    use = Use(used.use_id, turn.now, used.service_code, used.channel, used.at, charge.id)
    return joined(_announced(turn, charge, used.who), Outcome(records=(use,)))


def charge_id_of(use_id: str) -> str:
    """The id of the charge that a use makes."""
    return f"use-{use_id}"


def _violations_of_use(turn: Turn, used: RecordUse) -> Iterator[tuple[int, str]]:
    if turn.account.customer is None:
        yield 422, _UNKNOWN_CUSTOMER
    service = turn.catalogue.services.get(used.service_code)
    if service is None:
        yield 422, "service_code: no such service; create it with PUT /api/v1/services/{service_code}."
    elif service.billing is not Billing.PER_USE:
        yield 422, "service_code: this service is not paid by use."
    if used.channel not in _USED:
        yield 422, "channel: a use comes by sms, web, wap or app."
    if used.at > turn.now + _CLOCKS_DIFFER:
        yield 422, "at: lies in the future."
    if violation := not_hers(turn.account, "at", used.at):
        yield 422, violation
    if turn.account.record(Charge, charge_id_of(used.use_id)) is not None:
        yield 409, "use_id: another charge has the id that this use's would get; take another use_id."


def _charge_of(turn: Turn, used: RecordUse) -> Charge:
    held = had(turn.account, used.service_code, used.at)
    amount_fen = price_of_use(turn, used.service_code, used.at)
    by_sms = used.channel is Channel.SMS
    return Charge(
        id=charge_id_of(used.use_id),
        made_at=turn.now,
        kind=ChargeKind.PER_USE,
        service_code=used.service_code,
        # What ended before the use was reported could not fall due any more.
        subscription_id=held.id if held and held.runs(turn.at) else None,
        amount_fen=amount_fen,
        period=month_of(used.at),
        asked_due_at=used.at + USE_DUE,
        due_at=used.at + USE_DUE,
        channel=used.channel,
        any_hour=not by_sms,
        reminded_with=told_with(turn, used.service_code, used.at, amount_fen) if by_sms else None,
    )
