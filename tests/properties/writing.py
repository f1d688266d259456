"""The texts of a customer and the network, as steps that the witness checks after every turn."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from app.domain.charges import Charge
from app.domain.dialogue import Arrival, Question
from app.domain.matters import DeliveryOutcome, MessageOutcome
from app.domain.messages import Reply
from app.domain.orders import Order
from app.domain.refunds import Refund
from app.domain.turn import AwaitHandOver, Postponed, Stimulus, TimerSet
from tests.commands.transcript import Conversation, Sent
from tests.properties.facts import Facts
from tests.properties.handset import PICKS
from tests.properties.witness import Witness

if TYPE_CHECKING:
    from tests.properties.answers import Expected

F = TypeVar("F", bound=Callable[..., None])
_LISTING_LIVES = timedelta(hours=2)
# Commands that take incomplete texts (delivery.md 6); they change only tickets, reports and consents.
_USED_INCOMPLETE = ("TS",)


def step(function: F) -> F:
    """Record a call in the script, as a line of Python."""

    @functools.wraps(function)
    def noted(life: "Writing", *args: object, **kwargs: object) -> None:
        given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        life.script.append(f"life.{function.__name__}({', '.join(given)})")
        function(life, *args, **kwargs)

    return cast("F", noted)


@dataclass
class Writing(Conversation):
    """A conversation with a witness; every step is a method with plain arguments."""

    script: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.names = {code: item.name for code, item in self.catalogue.services.items()}
        self.witness = Witness(self.names, self.carrier.single_number)
        self._to_leave: list[tuple[datetime, set[str]]] = []
        self._to_count: list[tuple[datetime, Expected]] = []
        self._turn = self._lost_at = 0
        self._under_way: list[Reply] = []
        self._ends_as = Arrival.TAKEN
        self._look()

    # ---- the witness

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
            self.witness = Witness(self.names, self.carrier.single_number)
            self._to_count.clear()
        self.witness.judge(facts)

    def _passes(self, to: datetime) -> None:
        self._attempts_end()
        self.move(to)
        self._look()
        for _, left in [one for one in self._to_leave if one[0] <= to]:
            assert not left & self.running(), f"what was sent when there was too much leaves {left} running"
        self._to_leave = [one for one in self._to_leave if one[0] > to]
        for _, expected in [one for one in self._to_count if one[0] <= to]:
            self.witness.judge_answer(expected, heard=False)
        self._to_count = [one for one in self._to_count if one[0] > to]

    # ---- the network

    @step
    def network(self, *, taking: bool) -> None:
        self.taking = taking
        if not taking:
            self._lost_at = self._turn + 1

    @step
    def receipts(self, arrival: str, ends_as: str = "taken") -> None:
        """Set how far questions get; an attempt that is under way ends when time passes."""
        self._attempts_end()
        self.receipt, self._ends_as = Arrival(arrival), Arrival(ends_as)

    def _deliver(self, reply: Reply) -> None:
        before, receipt = len(self.sent), self.receipt
        # A refused message has not arrived, whatever is set for those that are taken.
        self.receipt = receipt if self.taking else Arrival.TAKEN
        super()._deliver(reply)
        self.receipt = receipt
        unanswered = receipt is not Arrival.TAKEN and reply.question_id is not None
        for sent in self.sent[before:]:
            self.witness.hears(sent.number, sent.text, self.now, self._turn, receipt=not unanswered)
        if unanswered and receipt is Arrival.UNDER_WAY and len(self.sent) > before:
            self._under_way.append(reply)
        held = any(timer.data and reply.messages[0] in timer.data for timer in self.timers.values())
        if not self.taking and not held and reply.question_id is not None:
            # A question that could not be sent is asked again.
            self._know(replace(self.account.questions[reply.question_id], failed_at=self.now))

    def _know(self, question: Question) -> None:
        self.account = replace(self.account, questions={**self.account.questions, question.id: question})

    def _attempts_end(self) -> None:
        """End the attempts under way: the network answers, or its answer is lost."""
        ended, self._under_way = self._under_way, []
        for reply in ended:
            question = self.account.questions.get(reply.question_id or "")
            if question is None or self._ends_as is not Arrival.TAKEN:
                self.arrivals[reply.question_id or ""] = Arrival.UNKNOWN
                continue
            self.arrivals.pop(question.id, None)
            if question.handed_over_at is None:
                self._know(replace(question, handed_over_at=self.now))
            for message in reply.messages:
                self.witness.received(message)
            if reply.notify and reply.about is not None:
                news = MessageOutcome(reply.about, DeliveryOutcome.TAKEN)
                timer = TimerSet(reply.about.kind.outcome_timer, next(self.ids), self.now, news.data())
                self.timers[timer.kind, timer.subject] = timer
        self._tell()

    # ---- texts

    @step
    def says(self, text: str, number: str = "10086", ago: float = 0) -> None:
        """Send a text ``ago`` hours before it is stored; ``read`` replaces ``<code 0>`` and ``<order 0>`` in it."""
        text, number = self.witness.read(text), self.witness.read(number)
        if not text or not number:
            return
        left = None if ago else self._expected(text, number)
        sent_at = self._sent(ago)
        expected = self.witness.says(text, number, sent_at, self.now)
        before = self.running()
        self.text(text, number, sent_at=sent_at)
        if isinstance(self.waiting, AwaitHandOver):
            # A yes waits until the attempt under way has ended.
            self._attempts_end()
            self.text(text, number, sent_at=sent_at)
            assert self.waiting is None, f"{text} waits for nothing"
        self._judge_ended(text, number, left, before)
        if isinstance(self.waiting, Postponed):
            self._to_count.append((self.waiting.until, expected))
        else:
            self.witness.judge_answer(expected, heard=self.taking)

    def _judge_ended(self, text: str, number: str, left: set[str] | None, before: set[str]) -> None:
        gone = {code for code in before if code not in self.running()}
        if left and isinstance(self.waiting, Postponed):
            self._to_leave.append((self.waiting.until, left))
        elif left is not None:
            assert left <= gone, f"{text} leaves {left - gone} running"
            assert gone <= left or not number.endswith("977"), f"{text} ended {gone - left}, too"

    def _sent(self, ago: float) -> datetime:
        """Return when (UTC) a text was sent, but not before the tenure."""
        assert self.account.subscriber is not None
        return max(self.now - timedelta(hours=ago), self.account.subscriber.created_at)

    @step
    def says_a_part(self, text: str, number: str = "10086") -> None:
        """Send an incomplete text; it must not be a yes, a no, a pick or a command (delivery.md 6)."""
        text, number = self.witness.read(text), self.witness.read(number)
        if not text or not number or text.startswith(_USED_INCOMPLETE):
            return
        before = self.facts()
        self.text(text, number, missing=1)
        assert self.facts().bound == before.bound, f"a part of a message, {text} to {number}, changed something"

    @step
    def former_customer_says(self, text: str, number: str, days: float) -> None:
        """Deliver a late text of a former customer; it must change nothing (safety.md 1)."""
        began_at = self.facts().subscriber.began_at
        text, number = self.witness.read(text), self.witness.read(number)
        if began_at is None or not text or not number:
            return
        before, sent = (self.account, len(self.evidence), dict(self.timers)), began_at - timedelta(days=days)
        heard = self.text(text, number, sent_at=max(sent, self.now - timedelta(hours=24)), stamped_at=sent)
        assert not heard, f"{text} of a former customer is answered"
        assert before == (self.account, len(self.evidence), self.timers), (
            f"{text} of a former customer changed something"
        )

    def running(self) -> set[str]:
        """Return the codes of the services that can be unsubscribed."""
        return {item.service_code for item in self.account.subscriptions.values() if item.can_be_unsubscribed(self.now)}

    def _expected(self, text: str, number: str) -> set[str] | None:
        """Return the services that a text must end, given what was shown; None if that is not known here."""
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
            offered, held = self.catalogue.services[code], self.account.running_subscription(code, self.now)
            until = held.contract_until if held and not held.in_free_period(self.now) else None
            if offered.cancellable_by_sms and not offered.cancel_warning and (until is None or until < self.now):
                ending.add(code)
        return ending
