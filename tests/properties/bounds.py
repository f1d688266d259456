"""Bounds of subscriptions: without a yes nothing gets dearer or longer, and nothing is revived."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.orders import Order, OrderState
from app.domain.subscriptions import Subscription, SubscriptionState
from tests.properties.facts import Facts

_AGREED = {"order-confirmed", "trial-confirmed", "keep-confirmed", "terms-changed"}
_RUNNING = (SubscriptionState.ACTIVE, SubscriptionState.TRIAL)
_NEVER = datetime.min.replace(tzinfo=UTC)
News = list[tuple[str, str, dict[str, object]]]


def over_since(facts: Facts, code: str) -> datetime | None:
    """Return when the service was last ended or declined, in words or by silence."""
    return max((*_ends(facts, code), *_noes(facts, code)), default=None)


def _ends(facts: Facts, code: str) -> Iterator[datetime]:
    for held in facts.subscriptions.values():
        if held.service_code == code and not held.runs(facts.now):
            yield held.ends_at or held.trial_ends_at or _NEVER
        if held.service_code == code and held.unsubscribed_at:
            yield held.unsubscribed_at


def _noes(facts: Facts, code: str) -> Iterator[datetime]:
    for order in facts.orders.values():
        if order.service_code == code and (_is_no(order) or (order.is_open and not order.waits(facts.now))):
            # Silence declines from the last instant of the window on; the timer runs later.
            answered_at = order.closed_at if order.state is OrderState.DECLINED else None
            yield answered_at or order.expires_at or order.made_at


def _is_no(order: Order) -> bool:
    return order.state in (OrderState.DECLINED, OrderState.EXPIRED)


@dataclass
class Bounds:
    """The last subscription to each service, with the best terms since the last yes."""

    best: dict[str, Subscription] = field(default_factory=dict)

    def judge(self, before: Facts | None, facts: Facts, news: News) -> None:
        """Raise AssertionError if something got worse without a yes."""
        for held in facts.subscriptions.values():
            known = before.subscriptions.get(held.id) if before else None
            kinds = {kind for kind, subject, _ in news if subject == held.id}
            if before and known is not None and "import" in kinds and known.runs(facts.now):
                assert held.runs(facts.now), f"an import ended {held.service_code} in silence"
            if held.state not in _RUNNING:
                continue
            best = self.best.get(held.service_code)
            if before and best is not None and not kinds & _AGREED:
                self._judge_terms(best, held)
                self._judge_same(best, held)
            if before and known is None and "import" in kinds:
                as_of = next(
                    str(payload["as_of"]) for kind, subject, payload in news if (kind, subject) == ("import", held.id)
                )
                self._judge_beginning(before, held, datetime.fromisoformat(as_of))
            self.best[held.service_code] = held

    @staticmethod
    def _judge_terms(best: Subscription, held: Subscription) -> None:
        """Check that the service does not cost or bind more than before."""
        code = held.service_code
        assert held.in_plan or not best.in_plan, f"{code} left the plan"
        trial = best.state is SubscriptionState.TRIAL and not best.goes_on
        assert held.state is SubscriptionState.TRIAL or not trial, f"the trial of {code} became paid"
        if not held.in_plan:
            assert held.terms.price_fen <= best.terms.price_fen, f"{code} became dearer"
            delay_rank = held.terms.cancel_effect.delay_rank
            assert delay_rank <= best.terms.cancel_effect.delay_rank, f"{code} became slower to leave"
        of = (held.terms.sp_code, held.terms.billing)
        assert of == (best.terms.sp_code, best.terms.billing), f"{code} became another SP's"
        assert (held.contract_until or _NEVER) <= (best.contract_until or _NEVER), f"{code} binds for longer"

    @staticmethod
    def _judge_same(best: Subscription, held: Subscription) -> None:
        """Check that start, free hours and trial got no worse, and that confirmed fields stay."""
        code = held.service_code
        if held.id != best.id:
            return
        assert held.started_at >= best.started_at, f"{code} became older"
        assert (held.free_until or _NEVER) >= (best.free_until or _NEVER), f"the free hours of {code} are lost"
        if held.state is best.state is SubscriptionState.TRIAL:
            longer = (held.trial_ends_at or _NEVER) >= (best.trial_ends_at or _NEVER)
            assert longer, f"the trial of {code} became shorter"
        if best.confirmed_at is not None:
            became = held.state is SubscriptionState.TRIAL and best.state is SubscriptionState.ACTIVE
            assert not became, f"{code} was confirmed as paid and became a trial"
            names = ("started_at", "channel", "confirmed_at", "goes_on", "free_until")
            moved = [name for name in names if getattr(held, name) != getattr(best, name)]
            assert not moved, f"{moved} of {code} were confirmed, and moved"

    @staticmethod
    def _judge_beginning(before: Facts, held: Subscription, as_of: datetime) -> None:
        """Check that an import starts a service only after its last end or no, and not while an order waits."""
        code = held.service_code
        over = over_since(before, code)
        assert over is None or as_of > over, f"an import revives {code}"
        ended = max(_ends(before, code), default=_NEVER)
        assert held.started_at > ended, f"an import revives {code}, which began before it ended"
        assert over is None or held.started_at >= over, f"{code} begins before it was declined"
        refused = [order for order in before.orders.values() if order.service_code == code and _is_no(order)]
        last = max(refused, key=lambda order: order.closed_at or _NEVER, default=None)
        if last is not None and last.terms is not None and (last.closed_at or _NEVER) >= ended and not held.in_plan:
            assert held.terms.price_fen <= last.terms.price_fen, f"{code} costs more than the declined order"
        waits = [order for order in before.orders.values() if order.service_code == code and order.waits(before.now)]
        assert not waits, f"an import begins {code} while an order waits"
