"""How answers to a kind of question are handled: one class for each kind, marked with ``@answer``."""

from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import ClassVar

from app.commands.parser import Said
from app.commands.replies import say
from app.domain.dialogue import Question
from app.domain.turn import Handled, Need, Outcome, Turn
from app.domain.values import value

# Verdicts of an answer to a question that had ended, and of a text that fits several questions.
TOO_LATE = "too late"
SEVERAL_QUESTIONS = "several questions"


class Fit(Enum):
    """How well a text fits a question, best first. Of several questions, the one with the best fit is answered.

    ``LAST`` is for a question that takes any text; a command goes before it, too.
    """

    EXACT = auto()
    LOOSE = auto()
    LAST = auto()


@value
class Answer:
    """The outcome of a text that a question understood.

    ``kept``: over the rate limit, keep the text until the minute is over instead of dropping it.
    """

    outcome: Handled
    fit: Fit = Fit.EXACT
    kept: bool = True


class QuestionHandler(ABC):
    """Handles the answers to a kind of question, in time and late.

    ``late_counts``: a late answer has an effect. So it is kept over the rate limit instead of being dropped, and read
    even while another question waits.
    """

    late_counts: ClassVar[bool] = True

    @abstractmethod
    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Read a text, also one that comes after the end; return None for a text that it does not understand."""

    @abstractmethod
    def repeat(self, turn: Turn, question: Question) -> str:
        """Return the question again, in short."""

    @abstractmethod
    def about(self, turn: Turn, question: Question) -> str:
        """Return the question's line in a list of open questions."""

    @abstractmethod
    def late(self, turn: Turn, question: Question, said: Said) -> Outcome:
        """Handle a text that ``answer`` understands and that comes after the end."""

    def needs(self, question: Question, said: Said) -> tuple[Need, ...]:  # noqa: ARG002  most kinds need nothing
        """Return what reading a text needs beyond the basic account."""
        return ()

    def several(
        self,
        turn: Turn,  # noqa: ARG002  most kinds do not handle this
        questions: tuple[Question, ...],  # noqa: ARG002  as above
        said: Said,  # noqa: ARG002  as above
    ) -> Outcome | None:
        """Handle a text that fits several open questions of the kind; return None to list them to the subscriber."""
        return None


class TimedQuestionHandler(QuestionHandler):
    """Handles the answers to a kind of question for which a late answer only gets a reply that says so."""

    late_counts: ClassVar[bool] = False

    @abstractmethod
    def expired(self, turn: Turn, question: Question) -> str:
        """Return that the time for an answer is over."""

    def answered(self, turn: Turn, question: Question) -> str:
        """Return that the question was closed before."""
        return self.expired(turn, question)

    def late(self, turn: Turn, question: Question, said: Said) -> Outcome:  # noqa: ARG002  whatever it says
        """Reply that the text comes too late."""
        text = (self.expired if question.closed_at is None else self.answered)(turn, question)
        return Outcome(replies=(say(turn, text, extension=question.extension),), verdict=TOO_LATE)


def by_kind(questions: list[Question]) -> list[tuple[Question, ...]]:
    """Return the questions in groups of one kind, in the order in which the kinds first occur."""
    kinds = dict.fromkeys(type(question.state) for question in questions)
    return [tuple(question for question in questions if type(question.state) is kind) for kind in kinds]
