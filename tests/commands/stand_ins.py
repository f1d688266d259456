"""Stand-ins for questions and a command other than the listing, to test how the router tells them apart."""

from dataclasses import replace
from typing import ClassVar

from app.commands.parser import Said
from app.commands.question_handlers import Answer, TimedQuestionHandler
from app.commands.registry import Takes, answer, command
from app.commands.replies import number_of, say
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.messages import MessageClass
from app.domain.texts.wording import Text
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import value


@value
class ConfirmingOrder(QuestionState):
    """Like the question of an order: a yes anywhere, or 1 at its own number; any other text there is a no."""

    kind: ClassVar[str] = "confirming-order"
    name: str


@value
class DisputingCharge(QuestionState):
    """Like a fee reminder: answered by its code, or 否."""

    kind: ClassVar[str] = "disputing-charge"
    code: str

    @property
    def answer_code(self) -> str | None:
        return self.code


def _answered(turn: Turn, question: Question, words: str) -> Answer:
    closed = replace(question, closed_at=turn.now, closed_as=ClosedAs.ANSWERED)
    reply = say(turn, words, extension=question.extension, kind=MessageClass.RESULT)
    return Answer(Outcome(replies=(reply,), questions=(closed,), verdict=words))


class StandIn(TimedQuestionHandler):
    """Says which kind of question it is and what became of it."""

    name: ClassVar[str]

    def repeat(self, turn: Turn, question: Question) -> str:
        return f"{self.name}? {number_of(turn, question)}。"

    def about(self, turn: Turn, question: Question) -> str:
        return f"{self.name} {number_of(turn, question)}。"

    def expired(self, turn: Turn, question: Question) -> str:
        return f"{self.name} expired {number_of(turn, question)}。"

    def answered(self, turn: Turn, question: Question) -> str:
        return f"{self.name} answered {number_of(turn, question)}。"


@answer(ConfirmingOrder)
class OrderStandIn(StandIn):
    """Orders after a yes, and declines after anything else at its own number."""

    name = "order"

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        at_its_number = turn.policy.numbers.extension(turn.stimulus_as(TextReceived).dialled) == question.extension
        name = question.state_as(ConfirmingOrder).name
        if said.is_yes or (at_its_number and said.key == "1"):
            return _answered(turn, question, f"ordered {name}")
        return _answered(turn, question, f"declined {name}") if said.is_no or at_its_number else None


@answer(DisputingCharge)
class DisputeStandIn(StandIn):
    """Disputes after its code or a no."""

    name = "fee"

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        code = question.state_as(DisputingCharge).code
        return _answered(turn, question, f"disputed {code}") if said.is_no or said.key == code else None


@command("ZD", takes=Takes.ARGUMENTS, menu=Text(zh="ZD 账单", en="ZD bill"), rank=50, reads=())
def show_bill(turn: Turn, month: str) -> Outcome:
    return Outcome(replies=(say(turn, f"bill of [{month}]"),))
