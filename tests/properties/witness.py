"""A reference model of the specification (flows.md, safety.md), written independently of the code.

The witness knows only the messages that the handset received and sent. From these it judges whether subscriptions,
charges and evidence can be true. What it cannot judge it accepts.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.account import SubscriberStatus
from app.domain.calendar import local, local_day
from app.domain.catalogue import CancelEffect
from app.domain.charges import Charge, ChargeKind, ChargeState
from app.domain.evidence import ChainHead, EvidenceRecord, verify
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.subscriptions import Channel, Subscription, SubscriptionState
from tests.properties.answers import Answers
from tests.properties.bounds import Bounds, News
from tests.properties.facts import Facts
from tests.properties.handset import HOUR, window_of

FREE = timedelta(hours=72)
# How often free periods are given (safety.md 11), how often others may ask, and how long not after a no (4).
ONCE_IN, NOT_AFTER_NO, ASKED_A_DAY = timedelta(days=180), timedelta(days=30), 3
OTHERS = (Channel.SP, Channel.AGENT)
# A timer runs a second after a last instant, or later if it waits for kept texts (safety.md 21, 22).
LATE = timedelta(seconds=61)
SECOND = timedelta(seconds=1)
_PRICE = re.compile(r"([\d.]+)元/(?:月|次)")
_AMOUNT = re.compile(r"([\d.]+)元")
_CONFIRMED = {"order-confirmed", "trial-confirmed", "keep-confirmed", "terms-confirmed"}
_RUNNING = (SubscriptionState.ACTIVE, SubscriptionState.TRIAL)
_FINAL = (ChargeState.CHARGED, ChargeState.WAIVED, ChargeState.CANCELLED)


def month(moment: datetime) -> str:
    return f"{local(moment):%Y-%m}"


def fen(text: str) -> int:
    return round(float(text) * 100)


@dataclass
class Witness(Answers):
    """A handset, and the facts of the last check."""

    seen: int = 0
    bounds: Bounds = field(default_factory=Bounds)

    # ---- judging

    def judge(self, facts: Facts) -> None:
        """Raise AssertionError with the reason if the facts cannot be true."""
        before = self.before
        news = [(record.kind, record.subject, self._payload(record)) for record in facts.evidence[self.seen :]]
        if before is None or before.evidence != facts.evidence:
            last = facts.evidence[-1] if facts.evidence else None
            head = ChainHead(last.seq, last.hash) if last else ChainHead()
            assert verify(facts.evidence, head).ok, "the chain of evidence is broken"
        for kind, subject, payload in news:
            if kind == "fee-upheld" or (kind == "fee-charged" and payload.get("reason") == "upheld"):
                self.upheld.add(subject)
        for held in facts.subscriptions.values():
            self._judge_subscription(facts, before.subscriptions.get(held.id) if before else None, held, news)
        for charge in facts.charges.values():
            self._judge_charge(facts, before.charges.get(charge.id) if before else None, charge, news)
        self.bounds.judge(before, facts, news)
        self._judge_money(facts)
        for order in facts.orders.values():
            if before is not None and order.id not in before.orders:
                self._judge_question(facts, order)
        if before is not None:
            changed = facts.subscriptions != before.subscriptions or any(
                charge.state is not before.charges[id_].state
                for id_, charge in facts.charges.items()
                if id_ in before.charges
            )
            assert not changed or news, "something changed and left no evidence"
        self.before, self.seen = facts, len(facts.evidence)

    @staticmethod
    def _payload(record: EvidenceRecord) -> dict[str, object]:
        return json.loads(record.payload) if record.payload else {}

    def _judge_subscription(
        self,
        facts: Facts,
        before: Subscription | None,
        held: Subscription,
        news: News,
    ) -> None:
        kinds = [(kind, payload) for kind, subject, payload in news if subject == held.id]
        confirmations = [payload for kind, payload in kinds if kind in _CONFIRMED]
        imported = any(kind == "import" for kind, _ in kinds)
        if held.state in _RUNNING and not held.in_plan and before is None and self.before is not None and not imported:
            assert confirmations, f"{held.service_code} runs without a recorded yes"
        for kind, payload in kinds:
            if kind in _CONFIRMED:
                self._judge_yes(facts, held, kind, payload)
        closed = facts.subscriber.status is SubscriberStatus.CLOSED
        assert not closed or held.state is SubscriptionState.ENDED, f"{held.service_code} outlives its tenure"
        if held.state is SubscriptionState.ENDING:
            assert (held.ends_at or facts.now) >= facts.now - LATE, f"{held.service_code} runs beyond its end"
        if held.state is SubscriptionState.TRIAL:
            over = held.trial_ends_at is None or held.trial_ends_at + LATE < facts.now
            assert not over, f"the trial of {held.service_code} is over and it goes on"
        if before is not None:
            self._judge_change(before, held, {kind for kind, _ in kinds})

    def _judge_change(self, before: Subscription, held: Subscription, kinds: set[str]) -> None:
        code = held.service_code
        assert before.state is not SubscriptionState.ENDED or before == held, f"{code} had ended and is {held.state}"
        if before.unsubscribed_at and not held.unsubscribed_at:
            assert "keep-confirmed" in kinds, f"the unsubscribe of {code} is lost"
        if before.state is SubscriptionState.TRIAL and held.state is SubscriptionState.ACTIVE:
            assert before.goes_on or "trial-confirmed" in kinds, f"the trial of {code} became paid without a yes"
        if held.goes_on and not before.goes_on:
            assert "trial-confirmed" in kinds, f"the trial of {code} goes on without a yes"
        if held.terms.price_fen > before.terms.price_fen and not held.in_plan:
            agreed = [
                order
                for order in (self.before.orders if self.before else {}).values()
                if order.subscription_id == held.id
            ]
            agreed = [order for order in agreed if order.state == "confirmed" and order.terms == held.terms]
            assert agreed, f"the price of {code} rose without a yes"
        assert held.in_plan or not before.in_plan, f"{code} left the plan by itself"

    def _judge_yes(self, facts: Facts, held: Subscription, kind: str, payload: dict[str, object]) -> None:
        """Check that a recorded yes was sent, and answers a question that was received (safety.md 4, 6; flows.md 6)."""
        asked, answer = str(payload["asked"]), str(payload["answer"])
        questions = [line for line in self.heard if line.text == asked]
        assert questions, f"{kind} of {held.service_code} after a question that never arrived"
        price = _PRICE.findall(asked.rsplit("变更后", maxsplit=1)[-1])
        assert self.names[held.service_code] in asked, f"{kind}: the question named another service"
        assert [fen(one) for one in price[:1]] == [payload["price_fen"]], f"{kind}: the question named another price"
        if kind == "order-confirmed":
            assert held.terms.price_fen == payload["price_fen"], f"{held.service_code} costs more than was asked"
            self._judge_free(held)
        said = [line.number for line in self.said if line.text == answer]
        assert said, f"{kind}: {answer} was never sent"
        found = self.may_agree(answer, asked)
        assert found, f"{kind} by {answer} to {said[-1]}, which is no yes to what {questions[-1].number} asked"
        if kind in ("order-confirmed", "keep-confirmed"):
            found = [yes for yes in found if not yes.late]
            assert found, f"{kind} after its window"
            assert not all(yes.declined for yes in found), f"{kind} after the order was declined"

    def _judge_free(self, held: Subscription) -> None:
        """Check that a trial and the free 72 hours are given once in 180 days for a service."""
        had = [one for one in self.before.subscriptions.values() if one.service_code == held.service_code
               and held.started_at - one.started_at <= ONCE_IN and one.id != held.id] if self.before else []  # fmt: skip
        trial = held.trial_ends_at and any(one.trial_ends_at for one in had)
        assert not trial, f"a second trial of {held.service_code} within 180 days"
        free = held.free_until and any(one.free_until for one in had)
        assert not free, f"the free 72 hours of {held.service_code} a second time within 180 days"

    @staticmethod
    def _judge_question(facts: Facts, order: Order) -> None:
        """Check the limits of orders that others make: by day, three a day, not within 30 days of a no."""
        if order.channel not in OTHERS or order.question_id is None or order.kind is not OrderKind.ORDER:
            return
        day, asked = local(order.made_at), f"{order.channel.value} asks about {order.service_code}"
        assert 7 * HOUR <= day - day.replace(hour=0, minute=0, second=0, microsecond=0) <= 22 * HOUR, (
            f"{asked} at {day:%H:%M}"
        )
        others = [one for one in facts.orders.values() if one.channel in OTHERS and one.question_id is not None
                  and one.kind is OrderKind.ORDER]  # fmt: skip
        that_day = [one for one in others if local(one.made_at).date() == day.date()]
        assert len(that_day) <= ASKED_A_DAY, f"{asked}, the {len(that_day)}th question that day"
        said_no = [one for one in facts.orders.values() if one.service_code == order.service_code and one.closed_at
                   and one.state is OrderState.DECLINED and one.kind is OrderKind.ORDER
                   and timedelta(0) <= order.made_at - one.closed_at < NOT_AFTER_NO]  # fmt: skip
        assert not said_no, f"{asked} within 30 days of a no"

    def _judge_charge(self, facts: Facts, before: Charge | None, charge: Charge, news: News) -> None:
        if before is not None and before.state in _FINAL:
            assert (before.state, before.amount_fen) == (charge.state, charge.amount_fen), (
                f"{charge.id} was settled, and changed"
            )
            return
        held = facts.subscriptions.get(charge.subscription_id or "")
        if before is None and held is not None:
            assert not (held.in_plan and charge.amount_fen), f"{charge.id} is a fee of a service in the plan"
            assert charge.amount_fen <= held.terms.price_fen, f"{charge.id} is more than was confirmed"
            if held.unsubscribed_at and charge.kind is ChargeKind.MONTHLY and charge.amount_fen:
                # The reply said what is still charged: the fee of the month to whose end it runs (flows.md 5.3).
                on_trial = held.trial_ends_at is not None and held.trial_ends_at >= held.unsubscribed_at
                runs_on = held.terms.cancel_effect is CancelEffect.MONTH_END and not on_trial
                owed = runs_on and charge.period == month(held.unsubscribed_at)
                assert owed, f"{charge.id} is announced after a reply that nothing more is charged"
        if before is None and charge.reminded_with is not None:
            self._judge_silence(facts, charge)
        if facts.subscriber.status is SubscriberStatus.CLOSED:
            assert charge.state in _FINAL, f"{charge.id} outlives its tenure"
        if charge.state is not ChargeState.CHARGED or charge.settled_at is None:
            return
        assert charge.settled_at >= charge.asked_due_at, f"{charge.id} was taken before it was due"
        times = [payload for kind, subject, payload in news if (kind, subject) == ("fee-charged", charge.id)]
        assert len(times) == 1, f"{charge.id} was taken {len(times)} times"
        if charge.amount_fen:
            self._judge_reminder(charge)
            self._judge_told(facts, charge)
            self._judge_held(facts, charge, held)

    def _judge_silence(self, facts: Facts, charge: Charge) -> None:
        """Check that a use without a reminder costs no more than the last reminder of that day said (safety.md 12)."""
        of_day = [one for one in facts.charges.values() if one.service_code == charge.service_code and one.code
                  and one.kind is ChargeKind.PER_USE and local_day(one.asked_due_at) == local_day(charge.asked_due_at)]  # fmt: skip
        reminders = [line for one in of_day if (line := self.reminder(one.code))]
        last = max(reminders, key=lambda line: line.seq, default=None)
        amounts = [fen(amount) for amount in _AMOUNT.findall(last.text)] if last else []
        coming = [one.amount_fen for one in of_day if one.state is ChargeState.ANNOUNCED]
        assert any(charge.amount_fen <= amount for amount in [*amounts, *coming]), (
            f"nothing is said of {charge.id}, which is more than the {amounts} of the last reminder"
        )

    def _judge_reminder(self, charge: Charge) -> None:
        """Check that a charged fee was reminded of, past its window and not disputed (safety.md 12, 14)."""
        taken_at = charge.settled_at
        assert taken_at is not None
        if charge.reminded_with is None:
            reminder = self.reminder(charge.code)
            assert reminder is not None, f"{charge.id} was taken without a reminder"
            first = next(line for line in self.heard if f"回复{charge.code}" in line.text and "起扣收" in line.text)
            assert taken_at > window_of(first.at), f"{charge.id} was taken within its window"
            if charge.id not in self.upheld:
                assert charge.id not in self.disputed, f"{charge.id} was disputed and taken"
                assert taken_at > self.restarted.get(charge.id, first.at), (
                    f"{charge.id} was taken within its new window"
                )
        others = self.before.charges.values() if self.before else ()
        disputed = [other.id for other in others if other.service_code == charge.service_code and other.id != charge.id
                   and other.state is ChargeState.DISPUTED]  # fmt: skip
        assert not disputed or charge.id in self.upheld, f"{charge.id} was taken while {disputed} is disputed"

    def _judge_told(self, facts: Facts, charge: Charge) -> None:
        """Check that no more is charged than a reminder said, of this fee or of a use that day (safety.md 10, 12)."""
        own = self.reminder(charge.code)
        reminders = [own] if own else [line for one in facts.charges.values() if (line := self.reminder(one.code))
                and one.service_code == charge.service_code and one.kind is ChargeKind.PER_USE
                and local_day(one.asked_due_at) == local_day(charge.asked_due_at)]  # fmt: skip
        amounts = [fen(amount) for line in reminders for amount in _AMOUNT.findall(line.text)]
        assert any(charge.amount_fen <= amount for amount in amounts), (
            f"{charge.id} is more than the {amounts} of {reminders}"
        )
        named = charge.kind is not ChargeKind.MONTHLY or any(
            f"{charge.period[-2:]}月" in line.text for line in reminders
        )
        assert named, f"{charge.id} has no month in its reminder"

    def _judge_held(self, facts: Facts, charge: Charge, held: Subscription | None) -> None:
        taken_at = charge.settled_at
        assert taken_at is not None
        if charge.kind is not ChargeKind.MONTHLY:
            return
        assert held is not None, f"{charge.id} is for no subscription"
        assert not held.in_plan, f"{charge.id} was taken for a service in the plan"
        # New terms count from their day: a month costs no more than at its beginning.
        agreed = [one.price_before_fen for one in facts.orders.values() if one.subscription_id == held.id and one.price_before_fen is not None
                  and one.takes_effect_at and month(one.takes_effect_at - SECOND) >= charge.period]  # fmt: skip
        most = min([held.terms.price_fen, *agreed])
        assert charge.amount_fen <= most, f"{charge.id} is {charge.amount_fen} for a month of {most}"
        assert facts.subscriber.status is not SubscriberStatus.SUSPENDED, f"{charge.id} was taken in suspension"
        assert charge.period <= month(charge.asked_due_at), f"{charge.id} is for a month that has not begun"
        assert charge.period >= month(held.trial_ends_at or held.started_at), f"{charge.id} is for a month of trial"
        # A kept service, or one with new terms, goes on: its fee may have been announced before.
        goes_on = any(one.subscription_id == held.id and one.kind is OrderKind.TERMS for one in facts.orders.values())
        anew = held.confirmed_at and charge.made_at >= held.confirmed_at and not goes_on
        began = held.confirmed_at if anew and held.confirmed_at else held.started_at
        assert taken_at > began + FREE, f"{charge.id} was taken within 72 hours of the yes"
        assert held.state is not SubscriptionState.TRIAL or (
            held.goes_on and taken_at >= (held.trial_ends_at or taken_at)
        ), f"{charge.id} was taken for a trial"
        assert charge.period >= month(held.started_at), f"{charge.id} is for a month before the order"
        if held.unsubscribed_at is not None and held.unsubscribed_at < taken_at:
            assert charge.period <= month(held.unsubscribed_at), f"{charge.id} is for a month after the unsubscribe"
            assert charge.due_at <= (held.ends_at or taken_at) or charge.id in self.upheld, (
                f"{charge.id} fell due after the end"
            )
        back = {refund.charge_id for refund in facts.refunds.values()}
        others = [other.id for other in facts.charges.values() if other.state is ChargeState.CHARGED and other.id not in back
                  and (other.kind, other.amount_fen > 0) == (charge.kind, True)
                  and (other.service_code, other.period) == (charge.service_code, charge.period)]  # fmt: skip
        assert others in ([charge.id], []), f"{others} are for the same month"

    def _judge_money(self, facts: Facts) -> None:
        back: dict[str, list[int]] = {}
        for refund in facts.refunds.values():
            back.setdefault(refund.charge_id, []).append(refund.amount_fen)
        for id_, amounts in back.items():
            charge = facts.charges[id_]
            assert charge.state is ChargeState.CHARGED, f"{id_} was given back and never taken"
            assert amounts in ([charge.amount_fen], [charge.amount_fen] * 2), f"{id_} was given back as {amounts}"
