"""What a text may and must cause, given the handset when it was sent (safety.md 6, 14, 21, 34)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.charges import Charge, ChargeState
from app.domain.orders import Order, OrderKind, OrderState
from tests.properties.facts import Facts
from tests.properties.handset import CODE, DAY, HOUR, NO, ONE, OURS, UNSUBSCRIBE_WORDS, YES, Handset, Line, window_of

_MINUTE, _LISTING_LIVES, _REMEMBERED = timedelta(minutes=1), timedelta(hours=2), timedelta(days=7)
# A fee whose reminder may not have arrived can be disputed until the fee is waived (safety.md 6, 12).
_UNREACHED = timedelta(hours=72)
_TEXTS_A_MINUTE, _NOT_UNDERSTOOD = 30, 5
_OPEN = (ChargeState.ANNOUNCED, ChargeState.REMINDED)


@dataclass(frozen=True)
class Yes:
    """A text that may be the yes to a question.

    Attributes:
        text: The text.
        asked: The text of the question.
        there: It was sent to the number that asked, or contains the code; elsewhere it counts only after a receipt.
        late: It came after the window, so it is no yes to an order.
        declined: The question was declined before, so it is no yes to an order.
    """

    text: str
    asked: str
    there: bool
    late: bool
    declined: bool


@dataclass(frozen=True)
class Expected:
    """What must be true after a text.

    Attributes:
        line: The text.
        disputed: The ids of the charges that it disputes.
        declined: The ids of the orders that it declines.
        answer_number: The number that the reply must name, as the place to answer to.
    """

    line: Line
    disputed: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    answer_number: str | None = None


@dataclass
class Answers(Handset):
    """A handset, and what its texts mean, given the facts of the last check."""

    before: Facts | None = None
    restarted: dict[str, datetime] = field(default_factory=dict)
    disputed: dict[str, datetime] = field(default_factory=dict)
    upheld: set[str] = field(default_factory=set)
    yeses: list[Yes] = field(default_factory=list)
    at_once: list[Line] = field(default_factory=list)

    def says(
        self, text: str, number: str, at: datetime, stored_at: datetime | None = None, seq: int | None = None
    ) -> Expected:
        """Add a text of the subscriber; texts sent at once, in unknown order, share the ``seq`` that is given."""
        line = Line(number, text, at, stored_at or at, next(self.seq) if seq is None else seq)
        disputed = frozenset(self._disputes(line))
        self.disputed.update(dict.fromkeys(disputed - self.disputed.keys(), at))
        declined, answer_number = frozenset(self._declines(line)), self._answer_number(line)
        if seq is None:
            self.yeses += self._agrees(line)
        else:
            self.at_once.append(line)
        self.said.append(line)
        return Expected(line, disputed, declined, answer_number if seq is None else None)

    def judge_answer(self, expected: Expected, *, heard: bool = True) -> None:
        """Raise AssertionError if a text did not cause what it must."""
        assert self.before is not None
        text, facts = f"{expected.line.text} to {expected.line.number}", self.before
        for charge in [facts.charges[id_] for id_ in expected.disputed if id_ in facts.charges]:
            back = any(refund.charge_id == charge.id for refund in facts.refunds.values())
            assert charge.state not in _OPEN, f"{text} was lost: {charge.id} is {charge.state.value}"
            assert charge.state is not ChargeState.CHARGED or back, f"{text} was lost: {charge.id} was not given back"
        for order in [facts.orders[id_] for id_ in expected.declined if id_ in facts.orders]:
            assert not order.is_open, f"{text} was lost: the order of {order.service_code} still waits"
        if heard and expected.answer_number:
            came = [line.text for line in self.heard if line.seq > expected.line.seq]
            assert any(expected.answer_number in one for one in came), (
                f"{text}: the reply does not say to answer to {expected.answer_number}"
            )

    # ---- disputes

    def windows(self, line: Line) -> dict[str, Charge]:
        """Return the charges whose window is certainly open when a text is sent, however late it is stored."""
        charges = self.before.charges if self.before else {}
        return {charge.id: charge for charge in charges.values() if self._is_disputable(charge, line)}

    def _is_disputable(self, charge: Charge, line: Line) -> bool:
        reminder = self.reminder(charge.code)
        if reminder is None or reminder.seq >= line.seq or line.at < reminder.at:
            return False
        at = line.at
        taken = charge.state is ChargeState.CHARGED and charge.settled_at is not None and charge.settled_at >= at
        if charge.state not in _OPEN and (not taken or charge.id in self.upheld or charge.id in self.disputed):
            return False
        if not reminder.receipt and charge.state is ChargeState.ANNOUNCED:
            return at <= charge.made_at + _UNREACHED
        return at <= max(window_of(reminder.at), self.restarted.get(charge.id, reminder.at))

    def _disputes(self, line: Line) -> list[str]:
        windows, text = self.windows(line), line.text
        by_code = [id_ for id_, charge in windows.items() if text == charge.code]
        if line.number == "10086999" and not self.single_number:
            return []
        if line.number != "10086901" or self.single_number:
            return by_code
        by_code += [id_ for id_, charge in windows.items() if text in (f"TD{charge.code}", f"否{charge.code}")]
        if text in UNSUBSCRIBE_WORDS or re.fullmatch(r"QX[A-Z]+", text):
            return self._disputed_by_word(text.removeprefix("QX"), windows)
        if text in NO:
            # A no sent between two reminders may mean either; this is not judged.
            if any("起扣收" in one.text and one.at > line.at for one in self.heard):
                return by_code
            if len(windows) == 1:
                return list(windows)
            self.restarted.update(dict.fromkeys(windows, line.at + HOUR))
        return by_code

    def _disputed_by_word(self, code: str, windows: Mapping[str, Charge]) -> list[str]:
        """Return what an unsubscribe word at the number of fees disputes: the charge of the named service, else the rest."""
        of_service = [id_ for id_, charge in windows.items() if charge.service_code == code]
        if of_service or code not in self.names:
            return of_service or list(windows)
        reminded = any("起扣收" in line.text and self.names[code] in line.text for line in self.heard)
        return list(windows) if len(windows) == 1 and not reminded else []

    # ---- yes

    def may_agree(self, answer: str, asked: str) -> list[Yes]:
        """Return the texts that may be the yes to a question."""
        questions = [line for line in self.heard if line.text == asked and self.asks(line)]
        loose = (Yes(answer, asked, there=True, late=False, declined=False) for line in self.at_once if line.text == answer
                 for question in questions if self._means_yes(line, question))  # fmt: skip
        known = [yes for yes in self.yeses if (yes.text, yes.asked) == (answer, asked)]
        receipt = any(question.receipt for question in questions)
        return [*(yes for yes in known if yes.there or receipt), *loose]

    def _agrees(self, line: Line) -> Iterator[Yes]:
        for question in [one for one in self.heard if self.asks(one) and one.seq < line.seq]:
            there = self._is_sent_there(line, question) or self._code(question) is not None
            if (
                (there or self._is_sole(question, line))
                and self._means_yes(line, question)
                and not self._is_dated_before(line, question)
            ):
                late = line.stored_at > question.at + DAY
                yield Yes(line.text, question.text, there, late, self._was_declined(question, line))

    def _is_sent_there(self, line: Line, question: Line) -> bool:
        return line.number == question.number and not self.single_number

    @staticmethod
    def _code(question: Line) -> str | None:
        found = CODE.search(question.text)
        return found[1] if found and "验证码" in question.text else None

    def _means_yes(self, line: Line, question: Line) -> bool:
        """Return True for the code at any number of the gateway, a word there or at 10086, or 1 at the asking number."""
        code = self._code(question)
        if code is not None:
            ours = line.number in OURS or line.number.startswith("10086204") or self.single_number
            return code in line.text.upper() and ours
        if self._is_sent_there(line, question):
            return line.text in YES + ONE
        return line.text in YES and line.number == "10086"

    def _is_sole(self, question: Line, line: Line) -> bool:
        """Return True if a word to 10086 may mean this question: nothing else is open, no text came from there since."""
        said = [one for one in self.heard if one.number == "10086" and question.seq < one.seq < line.seq]
        orders = [one for one in self._waiting(line) if one[1].text != question.text]
        return not (said or orders or self.windows(line) or self._lists(line))

    def _lists(self, line: Line) -> bool:
        """Return True if a listing is certainly open."""
        pages = self.listing()
        if not pages or line.stored_at > pages[0].at + _LISTING_LIVES or line.at < pages[0].at:
            return False
        return all(one.text.startswith("KT") for one in self.said if one.seq > pages[0].seq)

    def _is_dated_before(self, line: Line, question: Line) -> bool:
        """Return True if the text is dated before the question, asked for the first time; never for a code (safety.md 34)."""
        if self._code(question) is not None:
            return False
        asked = [one for one in self.heard if one.text == question.text and one.seq < line.seq]
        return line.at < question.at.replace(microsecond=0) and len(asked) == 1

    def _was_declined(self, question: Line, line: Line) -> bool:
        """Return True if another text, not dated before the question, certainly declined it."""
        said = [one for one in self.said if self._is_sent_there(one, question) and question.seq < one.seq < line.seq
                and one.at >= question.at]  # fmt: skip
        return any(not self._means_yes(one, question) and not self._is_too_much(one) for one in said)

    def _is_too_much(self, line: Line) -> bool:
        began = line.stored_at - _MINUTE
        return sum(began <= one.stored_at and one.seq < line.seq for one in self.said) >= _TEXTS_A_MINUTE

    # ---- waiting orders

    def _waiting(self, line: Line) -> list[tuple[Order, Line]]:
        """Return the orders that wait for an answer when a text is stored, with their questions on the handset."""
        found = []
        for order in self.before.orders.values() if self.before else ():
            asked = [one for one in self.heard if self.asks(one) and one.seq < line.seq
                     and one.number == f"10086204{order.number}" and self.names[order.service_code] in one.text]  # fmt: skip
            in_time = asked and order.expires_at and asked[-1].at <= line.at and line.stored_at <= order.expires_at
            if order.is_open and in_time:
                found.append((order, asked[-1]))
        return found

    def _declines(self, line: Line) -> list[str]:
        """Return the orders that a text declines: any text to their number but a yes, or a no to 10086 if unambiguous."""
        if self._is_too_much(line):
            return []
        waiting = self._waiting(line)
        clear = line.text in NO and line.number == "10086" and len(waiting) == 1
        return [
            order.id for order, question in waiting
            if (self._is_sent_there(line, question) and not self._means_yes(line, question))
            or (clear and self._is_only_question(question, line))
        ]  # fmt: skip

    def _is_only_question(self, question: Line, line: Line) -> bool:
        since = line.stored_at - _REMEMBERED
        others = [one for one in self.heard if "回复" in one.text and one.at >= since and one.seq < line.seq]
        return all(question.number in one.text or one == question for one in others)

    def _answer_number(self, line: Line) -> str | None:
        """Return the number that the reply must name, if a yes does not count and exactly one order waits for one."""
        waiting = self._waiting(line)
        lately = [one for one in self.said if one.stored_at > line.stored_at - 10 * _MINUTE]
        asked = any(one.number == line.number for one in self.heard if self.asks(one))
        if len(waiting) != 1 or line.text not in YES or asked or line.number == "10086999":
            return None
        (order, question) = waiting[0]
        if len(lately) >= _NOT_UNDERSTOOD or self.single_number or self._code(question) or not question.receipt:
            return None
        sole = line.number == "10086" and self._is_sole(question, line) and not self._is_dated_before(line, question)
        clear = self._is_only_question(question, line) and order.kind is OrderKind.ORDER
        return question.number if clear and not sole and order.state is OrderState.AWAITING else None

    def received(self, text: str) -> None:
        """Note a late receipt for a message."""
        self.heard = [replace(line, receipt=True) if line.text == text else line for line in self.heard]
