"""The life of one customer with the commands, watched after every turn; what happened can be pasted into a test."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from app.commands.charging import AnnounceCharge, RecordUse
from app.commands.directory import AgentUnsubscribe, ImportSubscription, SetSubscriber
from app.commands.new_terms import NEW_TERMS, Announced
from app.commands.order_calls import PlaceOrder
from app.commands.resolving import DecideRefund, RefundWanted, Resolve
from app.domain.account import Channel, SubscriberStatus, SubscriptionState
from app.domain.calendar import local
from app.domain.catalogue import CancelEffect, Catalogue
from app.domain.charges import Charge, ChargeKind
from app.domain.messages import Reply
from app.domain.orders import Order
from app.domain.refunds import Refund, RefundPolicy
from app.domain.tickets import Decision, Ticket
from app.domain.turn import Stimulus, TimerSet
from tests.commands.transcript import Conversation, Sent
from tests.commands.world import FIVE, SERVICES, has, provider, service, shanghai
from tests.properties.handset import PICKS
from tests.properties.witness import Facts, Witness

F = TypeVar("F", bound=Callable[..., None])
_TRIALS = (
    replace(service("MH", "漫画", 800, sp="XINHUA"), trial_days=7),
    replace(service("YX", "游戏", 900), trial_days=2),
)
WORLD = Catalogue.of(
    1,
    [provider("CMCC", "中国移动"), provider("XINHUA", "新华"), provider("MOJI", "墨迹")],
    [*SERVICES, *_TRIALS],
)
NAMES = {code: item.name for code, item in WORLD.services.items()}
OWNED = (*FIVE, has("FH", "2025-01-01 10:00"))
_LISTING_LIVES = timedelta(hours=2)


def step(function: F) -> F:
    """Note a call, as a line of Python."""

    @functools.wraps(function)
    def noted(life: "Life", *args: object, **kwargs: object) -> None:
        given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        life.script.append(f"life.{function.__name__}({', '.join(given)})")
        function(life, *args, **kwargs)

    return cast("F", noted)


@dataclass
class Life(Conversation):
    """A conversation with a witness; every step is a method with plain arguments."""

    has: tuple[Any, ...] = OWNED
    catalogue: Catalogue = WORLD
    script: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.witness = Witness(NAMES, self.carrier.single_number)
        self._to_leave: list[tuple[datetime, set[str]]] = []
        self._count = self._turn = self._lost_at = 0
        self._look()
        self.imported("MH", state="trial")
        self.script.clear()

    # ---- what the witness is shown

    def facts(self) -> Facts:
        records: dict[Any, dict[str, Any]] = {
            kind: dict(self.account.records[kind]) for kind in (Charge, Order, Refund)
        }
        assert self.account.subscriber is not None
        return Facts(
            self.now, self.account.subscriber, dict(self.account.subscriptions), records[Charge], records[Order],
            records[Refund], tuple(self.evidence),
        )  # fmt: skip

    def happens(self, stimulus: Stimulus, at: datetime | None = None) -> list[Sent]:
        before = len(self.sent)
        self._turn += 1
        super().happens(stimulus, at)
        self._look()
        return self.sent[before:]

    def _look(self) -> None:
        facts = self.facts()
        if self.witness.before and self.witness.before.subscriber.tenure != facts.subscriber.tenure:
            self.witness = Witness(NAMES, self.carrier.single_number)
        self.witness.judge(facts)

    def _passes(self, to: datetime) -> None:
        self.move(to)
        self._look()
        for _, left in [one for one in self._to_leave if one[0] <= to]:
            assert not left & self.running(), f"what was sent when there was too much leaves {left} running"
        self._to_leave = [one for one in self._to_leave if one[0] > to]

    def _deliver(self, reply: Reply) -> None:
        before = len(self.sent)
        super()._deliver(reply)
        for sent in self.sent[before:]:
            self.witness.hears(sent.number, sent.text, self.now, self._turn)
        held = any(timer.data and reply.messages[0] in timer.data for timer in self.timers.values())
        if not self.taking and not held and reply.question_id is not None:
            # Whatever is tried again is asked anew.
            self.account = replace(self.account, questions={
                **self.account.questions,
                reply.question_id: replace(self.account.questions[reply.question_id], failed_at=self.now),
            })  # fmt: skip

    # ---- her texts

    @step
    def says(self, text: str, number: str = "10086") -> None:
        """``<code 0>`` stands for the newest code that she was given, ``<order 0>`` for the number asked from last."""
        text, number = self.witness.read(text), self.witness.read(number)
        if not text or not number:
            return
        left = self._expected(text, number)
        self.witness.says(text, number, self.now)
        before = self.running()
        self.text(text, number)
        gone = {code for code in before if code not in self.running()}
        if left and self.outcome.kept_until is not None:
            self._to_leave.append((self.outcome.kept_until, left))
        elif left is not None:
            assert left <= gone, f"{text} leaves {left - gone} running"
            assert gone <= left or not number.endswith("977"), f"{text} ended {gone - left}, too"

    def running(self) -> set[str]:
        """What she has and has not left."""
        return {item.service_code for item in self.account.subscriptions.values() if item.can_be_left(self.now)}

    def _expected(self, text: str, number: str) -> set[str] | None:
        """The services that a text must end, by what she was shown; None where it is not for her to say."""
        if self.account.customer is None or self.carrier.single_number:
            return None
        if text.startswith("QX") and text[2:] in self.catalogue.by_keyword and number != "10086999":
            return self._can_end({self.catalogue.by_keyword[text[2:]].service_code})
        listed_at = self.witness.listed_at()
        if text not in PICKS or number != "10086977" or listed_at is None or not self.taking:
            return None
        shown = self.witness.shown()
        if (
            self.now - listed_at > _LISTING_LIVES
            or not PICKS[text] <= shown.keys()
            or self._lost_at > self.witness.listing()[0].turn
        ):
            return set()
        return self._can_end({shown[place] for place in PICKS[text]})

    def _can_end(self, codes: set[str]) -> set[str]:
        ending = set()
        for code in codes & self.running():
            offered = self.catalogue.services[code]
            if offered.cancellable_by_sms and not offered.cancel_warning:
                ending.add(code)
        return ending

    # ---- time and the network

    @step
    def waits(self, **length: float) -> None:
        self._passes(self.now + timedelta(**length))

    @step
    def waits_until(self, moment: str) -> None:
        """``22:00``, ``07:00`` …, ``month-end`` or ``month-begin``, each the next one in Shanghai."""
        here = local(self.now)
        if moment.startswith("month"):
            first = (here.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            to = first if moment == "month-begin" else first - timedelta(seconds=1)
        else:
            hour, minute = map(int, moment.split(":"))
            to = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
        self._passes(max(self.now, (to if to > here else to + timedelta(days=1)).astimezone(self.now.tzinfo)))

    @step
    def network(self, *, taking: bool) -> None:
        self.taking = taking
        if not taking:
            self._lost_at = self._turn + 1

    # ---- calls of others

    @step
    def ordered(self, code: str, channel: str) -> None:
        self.happens(PlaceOrder("api:agent", code, Channel(channel)))

    @step
    def charged(self, code: str, fen: int, days: float, months: int | None = None) -> None:
        """Billing announces a monthly fee that is due in so many days, of a month counted from this one."""
        due = self.now + timedelta(days=days)
        here = local(self.now)
        month = here.year * 12 + here.month - 1 + (months or 0)
        period = None if months is None else f"{month // 12}-{month % 12 + 1:02}"
        self.happens(AnnounceCharge("api:billing", self._id("c"), code, ChargeKind.MONTHLY, fen, due, period))

    @step
    def uses(self, code: str, channel: str) -> None:
        self.happens(RecordUse("api:billing", self._id("u"), code, Channel(channel), self.now))

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    @step
    def agent_ends(self, code: str) -> None:
        self.happens(AgentUnsubscribe("agent:1", code, "she called"))

    @step
    def imported(self, code: str, *, state: str = "active", in_plan: bool = False, as_of_days_ago: float = 0) -> None:
        as_of = self.now - timedelta(days=as_of_days_ago)
        trial_ends_at = self.now + timedelta(days=7) if state == "trial" else None
        self.happens(ImportSubscription(
            "import:1", code, SubscriptionState(state), in_plan, shanghai("2025-02-01 10:00"), Channel.WEB, trial_ends_at, as_of=as_of,
        ))  # fmt: skip

    @step
    def offered(self, code: str, fen: int) -> None:
        """The price for new orders changes."""
        services = [
            replace(item, price_fen=fen) if item.service_code == code else item
            for item in self.catalogue.services.values()
        ]
        self.catalogue = Catalogue.of(self.catalogue.version + 1, list(self.catalogue.providers.values()), services)

    @step
    def new_terms(self, code: str, fen: int, days: float) -> None:
        """Every holder of a service is to be asked about another price; here, she."""
        held = self.account.held(code, self.now)
        if held is not None:
            announced = Announced(
                self._id("t"), fen, CancelEffect.IMMEDIATE, self.now + timedelta(days=days), "api:staff"
            )
            self.timers[NEW_TERMS, held.id] = TimerSet(NEW_TERMS, held.id, self.now, announced.text())
            self.move(self.now)

    @step
    def number_is(self, **given: object) -> None:
        """PUT of status or balance_fen."""
        fields = dict(given)
        if "status" in given:
            fields["status"] = SubscriberStatus(str(given["status"]))
        self.happens(SetSubscriber("api:crm", frozenset(fields), create=True, **fields))  # type: ignore[arg-type]

    @step
    def staff(self, index: int, decision: str, refund: str | None = None, charge: int = 0) -> None:
        """Decide a ticket, newest first."""
        waiting = [ticket for ticket in reversed(self.account.records_of(Ticket)) if ticket.is_open]
        charges = self.account.records_of(Charge)
        if index >= len(waiting):
            return
        fee = waiting[index].charge_id or (charges[charge].id if charge < len(charges) else None)
        wanted = RefundWanted(RefundPolicy(refund), fee) if refund else None
        self.happens(Resolve("agent:1", waiting[index].id, Decision(decision), None, wanted))

    @step
    def second_half(self, index: int, *, confirmed: bool) -> None:
        tickets = tuple(reversed(self.account.records_of(Ticket)))
        if index < len(tickets):
            self.happens(DecideRefund("agent:1", tickets[index].id, confirmed=confirmed))

    @property
    def story(self) -> str:
        """What happened, as it is pasted into a test, and what was said."""
        return "\n".join(["", *self.script, "", *self.log])
