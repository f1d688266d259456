"""What can happen to one customer, as steps that are checked after every turn and printed as lines of Python."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.commands.accounts.directory import AgentUnsubscribe, SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.commands.orders.calls import PlaceOrder
from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.commands.tickets.resolving import DecideRefund, RefundRequest, Resolve
from app.domain.account import SubscriberStatus
from app.domain.calendar import local
from app.domain.catalogue import CancelEffect, Catalogue
from app.domain.charges import Charge, ChargeKind
from app.domain.refunds import RefundPolicy
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.tickets import Decision, Ticket
from app.domain.turn import TimerSet
from tests.commands.charges.charging import change
from tests.commands.world import FIVE, SERVICES, has, provider, service, shanghai
from tests.properties.bounds import over_since
from tests.properties.writing import Writing, step

_TRIALS = (
    replace(service("MH", "漫画", 800, sp="XINHUA"), trial_days=7),
    replace(service("YX", "游戏", 900), trial_days=2),
)
WORLD = Catalogue.of(
    1,
    [provider("CMCC", "中国移动"), provider("XINHUA", "新华"), provider("MOJI", "墨迹")],
    [*SERVICES, *_TRIALS],
)
OWNED = (*FIVE, has("FH", "2025-01-01 10:00"))


@dataclass
class Life(Writing):
    """A customer and the systems around; every step is a method with plain arguments."""

    has: tuple[Any, ...] = OWNED
    catalogue: Catalogue = WORLD

    def __post_init__(self) -> None:
        super().__post_init__()
        self._count = 0
        # Former prices: until when (UTC), service code, fen.
        self.prices: list[tuple[datetime, str, int]] = []
        self.imported("MH", state="trial")
        self.script.clear()

    # ---- time

    @step
    def waits(self, **length: float) -> None:
        self._passes(self.now + timedelta(**length))

    @step
    def waits_until(self, moment: str) -> None:
        """Wait until the next ``22:00``, ``month-end`` or ``month-begin`` in Shanghai."""
        here = local(self.now)
        if moment.startswith("month"):
            first = (here.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            to = first if moment == "month-begin" else first - timedelta(seconds=1)
        else:
            hour, minute = map(int, moment.split(":"))
            to = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
        self._passes(max(self.now, (to if to > here else to + timedelta(days=1)).astimezone(self.now.tzinfo)))

    # ---- calls of other systems

    @step
    def ordered(self, code: str, channel: str) -> None:
        self.happens(PlaceOrder("api:agent", code, Channel(channel)))

    @step
    def charged(self, code: str, fen: int, days: float, months: int | None = None) -> None:
        """Announce a monthly fee due in ``days``, for the month that lies ``months`` after this one."""
        due = self.now + timedelta(days=days)
        here = local(self.now)
        month = here.year * 12 + here.month - 1 + (months or 0)
        period = None if months is None else f"{month // 12}-{month % 12 + 1:02}"
        self.happens(AnnounceCharge("api:billing", self._id("c"), code, ChargeKind.MONTHLY, fen, due, period))

    @step
    def uses(self, code: str, channel: str, ago: float = 0) -> None:
        """Report a use ``ago`` hours later; it must not cost more than it did then."""
        at, used = self._sent(ago), self._id("u")
        self.happens(RecordUse("api:billing", used, code, Channel(channel), at))
        if self.answered.refusal is None:
            agreed = [held.terms.price_fen for held in self.account.subscriptions.values() if held.service_code == code]
            offered = next((fen for until, of, fen in self.prices if of == code and at < until), None)
            now = self.catalogue.services[code].price_fen
            cost = self.facts().charges[f"use-{used}"].amount_fen
            assert cost <= max([now if offered is None else offered, *agreed]), f"{used} costs {cost}"

    @step
    def former_customer_used(self, code: str, channel: str, days: float) -> None:
        """Report a use of a former customer ``days`` before the tenure; it must not be charged (safety.md 1)."""
        began_at = self.facts().subscriber.began_at
        if began_at is not None:
            used = RecordUse("api:billing", self._id("u"), code, Channel(channel), began_at - timedelta(days=days))
            assert not self.happens(used), "a notice is sent about a use of a former customer"
            assert self.answered.refusal, "a use of a former customer is taken"

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    @step
    def agent_ends(self, code: str) -> None:
        self.happens(AgentUnsubscribe("agent:1", code, "she called"))

    @step
    def imported(
        self, code: str, *, state: str = "active", in_plan: bool = False, as_of_days_ago: float | None = 0, price: int | None = None,
        started_days_ago: float | None = None, trial_days: float = 7, contract_days: float | None = None,
    ) -> None:  # fmt: skip
        """Import a line twice; the second time must change nothing."""
        wanted = ImportSubscription(
            "import:1", code, SubscriptionState(state), in_plan, self._back(started_days_ago) or shanghai("2025-02-01 10:00"), Channel.WEB,
            self._back(-trial_days) if state == "trial" else None, self._back(contract_days and -contract_days), price,
            self._back(as_of_days_ago),
        )  # fmt: skip
        needs_date = as_of_days_ago is None and over_since(self.facts(), code) is not None
        self.happens(wanted)
        refusal, after = self.outcome.refusal, self.account.subscriptions
        assert refusal or not needs_date, f"{code} was left or refused before, and a line without as_of is taken"
        self.happens(wanted)
        assert after == self.account.subscriptions, f"the same line about {code} again changed something"
        assert refusal == self.outcome.refusal, f"the same line about {code} again is judged otherwise"

    def _back(self, days: float | None) -> datetime | None:
        return None if days is None else self.now - timedelta(days=days)

    @step
    def offered(self, code: str, fen: int, effect: str | None = None, sp: str | None = None) -> None:
        """Change the offer of a service; its SP only if nobody holds the service (safety.md 3)."""
        before = self.catalogue.services[code]
        self.prices.append((self.now, code, before.price_fen))
        effect_now = CancelEffect(effect) if effect else before.cancel_effect
        sp_now = before.sp_code if sp is None or self.account.running_subscription(code, self.now) else sp
        change(self, replace(before, price_fen=fen, cancel_effect=effect_now, sp_code=sp_now))

    @step
    def new_terms(self, code: str, fen: int, days: float) -> None:
        """Announce another price to the holders of a service, here one."""
        held = self.account.running_subscription(code, self.now)
        if held is not None:
            announced = AnnouncedTerms(
                self._id("t"), fen, CancelEffect.IMMEDIATE, self.now + timedelta(days=days), "api:staff"
            )
            self.timers[NEW_TERMS, held.id] = TimerSet(NEW_TERMS, held.id, self.now, announced.text())
            self.move(self.now)

    @step
    def number_is(self, **given: object) -> None:
        """Change ``status`` or ``balance_fen`` by a PUT."""
        fields = dict(given)
        if "status" in given:
            fields["status"] = SubscriberStatus(str(given["status"]))
        self.happens(SetSubscriber("api:crm", frozenset(fields), create=True, **fields))  # type: ignore[arg-type]

    @step
    def staff(self, index: int, decision: str, refund: str | None = None, charge: int = 0) -> None:
        """Decide the open ticket at ``index``, newest first."""
        waiting = [ticket for ticket in reversed(self.account.records_of(Ticket)) if ticket.is_open]
        charges = self.account.records_of(Charge)
        if index >= len(waiting):
            return
        fee = waiting[index].charge_id or (charges[charge].id if charge < len(charges) else None)
        wanted = RefundRequest(RefundPolicy(refund), fee) if refund else None
        self.happens(Resolve("agent:1", waiting[index].id, Decision(decision), None, wanted))

    @step
    def second_half(self, index: int, *, confirmed: bool) -> None:
        tickets = tuple(reversed(self.account.records_of(Ticket)))
        if index < len(tickets):
            self.happens(DecideRefund("agent:1", tickets[index].id, confirmed=confirmed))

    @property
    def story(self) -> str:
        """The steps, to paste into a test, and the conversation."""
        return "\n".join(["", *self.script, "", *self.log])
