"""Decorators that mark what a function is for, and the table that ``collecting`` makes of the marks.

A decorator only leaves a mark on the function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from app.commands import vocabulary
from app.commands.parser import Said
from app.commands.reading import Reader
from app.domain.account import Subscriber
from app.domain.dialogue import Question, QuestionState
from app.domain.records import Record
from app.domain.texts.wording import Text
from app.domain.turn import MESSAGE_OUTCOME, Need, Outcome, Stimulus, Turn
from app.domain.values import value

MARKS = "_smsgw_marks"
_BEHIND_KEYWORD = vocabulary.BEHIND_KEYWORD + vocabulary.TRAILING + vocabulary.CLOSING


class Takes(Enum):
    """What may follow a keyword."""

    NOTHING = auto()
    WORD = auto()  # joined to it: QXCL, QX CL
    ARGUMENTS = auto()  # behind # or white space: ZD#202610
    TEXT = auto()  # her own words, behind it or joined to it, but not as one Latin word
    ANYTHING = auto()  # behind it or joined to it: whatever begins so is for this command


class Fit(Enum):
    """How well a question understood a text, the best first: each gives way to another question that fits better.

    ``LAST`` is one that takes any text; it gives way to a command, too.
    """

    EXACT = auto()
    LOOSE = auto()
    LAST = auto()


@value
class Answer:
    """A question's reading of a text; ``kept``: it waits when there are too many, as for a command."""

    outcome: Outcome
    fit: Fit = Fit.EXACT
    kept: bool = True


CommandFunction = Callable[[Turn, str], Outcome]
AnswerFunction = Callable[[Turn, Question, Said], Answer | None]
QuestionText = Callable[[Turn, Question], str]
TurnFunction = Callable[[Turn], Outcome]
LateFunction = Callable[[Turn, Question, Said], Outcome]
SeveralFunction = Callable[[Turn, tuple[Question, ...], Said], Outcome | None]
SaidFunction = Callable[[Turn, Said], Outcome | None]
KnowsFunction = Callable[[Turn, str], bool]
SubscriberChangedFunction = Callable[[Turn, Subscriber | None, Subscriber], Outcome]
NeedsFunction = Callable[[Question, Said], tuple[Need, ...]]
# The kinds of records that a function looks at; None: any.
Reads = tuple[type[Record], ...] | None


@value
class Command:
    """A keyword command; ``kept`` ones wait instead of being dropped when there are too many (safety.md 22).

    ``knows`` says of a word behind the keyword that is no order keyword whether it means something all the same.
    """

    keywords: tuple[str, ...]
    run: CommandFunction
    takes: Takes
    kept: bool
    menu: Text | None
    rank: int
    knows: KnowsFunction | None = None
    reads: Reads = None


@value
class QuestionKind:
    """How a kind of question is answered, repeated, described, and what is said after its end.

    ``late`` does more than say so. ``several`` is what an answer does that fits some of the kind at once.
    """

    state: type[QuestionState]
    answer: AnswerFunction
    repeat: QuestionText
    expired: QuestionText
    answered: QuestionText
    about: QuestionText
    needs: NeedsFunction | None
    late: LateFunction | None = None
    several: SeveralFunction | None = None


@value
class Handler:
    """A function of a turn, and the records that it reads."""

    run: TurnFunction
    reads: Reads = None


@value
class Number:
    """What takes the texts sent to a number; ``kept`` as for a command."""

    run: SaidFunction
    kept: bool


@value
class Mark:
    """What is filed under a key in one of the registry's tables."""

    table: str
    key: str | type[Stimulus] | Callable[..., object]
    entry: Handler | Number | SaidFunction | SubscriberChangedFunction | bool


_F = TypeVar("_F", bound=Callable[..., object])


def _marked(function: _F, mark: object) -> _F:
    setattr(function, MARKS, (*getattr(function, MARKS, ()), mark))
    return function


def command(
    *keywords: str,
    takes: Takes = Takes.NOTHING,
    kept: bool = False,
    menu: Text | None = None,
    rank: int = 100,
    knows: KnowsFunction | None = None,
    reads: Reads = None,
) -> Callable[[CommandFunction], CommandFunction]:
    """Mark the function that carries out a keyword; ``menu`` is its line in help, lower ``rank`` comes first.

    ``reads`` names the records that it needs; without it all are loaded, which a busy command should not ask for.
    """
    return lambda function: _marked(function, Command(keywords, function, takes, kept, menu, rank, knows, reads))


def number(extension: str, *, kept: bool = False) -> Callable[[SaidFunction], SaidFunction]:
    """Mark the function that takes what is sent to a number; None for a text that means what it means anywhere."""
    return lambda function: _marked(function, Mark("numbers", extension, Number(function, kept)))


def answer(
    state: type[QuestionState],
    *,
    repeat: QuestionText,
    expired: QuestionText,
    answered: QuestionText,
    about: QuestionText,
    needs: NeedsFunction | None = None,
    late: LateFunction | None = None,
    several: SeveralFunction | None = None,
) -> Callable[[AnswerFunction], AnswerFunction]:
    """Mark the function that reads answers to a kind of question; it returns None for what it does not understand."""
    return lambda function: _marked(
        function, QuestionKind(state, function, repeat, expired, answered, about, needs, late, several)
    )


def intercept(extension: str) -> Callable[[SaidFunction], SaidFunction]:
    """Mark the function that sees what is sent to a number first; a keyword in it is obeyed as well.

    It returns None for a text that it leaves to commands and questions.
    """
    return lambda function: _marked(function, Mark("interceptors", extension, function))


def incomplete(function: _F) -> _F:
    """Mark a command, an answer or what takes all that is sent to a number: it uses incomplete texts, too.

    A text of which parts never came means nothing to the others: it may say the opposite of what she wrote.
    """
    return _marked(function, Mark("incomplete", function, entry=True))


def timer(kind: str, *, reads: Reads = None) -> Callable[[TurnFunction], TurnFunction]:
    """Mark the function that runs when a timer of a kind falls due."""
    return lambda function: _marked(function, Mark("timers", kind, Handler(function, reads)))


def call(stimulus: type[Stimulus], *, reads: Reads = None) -> Callable[[TurnFunction], TurnFunction]:
    """Mark the function that answers a management call."""
    return lambda function: _marked(function, Mark("calls", stimulus, Handler(function, reads)))


def on_outcome(matter: str, *, reads: Reads = None) -> Callable[[TurnFunction], TurnFunction]:
    """Mark the function that hears what became of messages ``about`` a kind of matter, as in ``charge:c-1``."""
    return lambda function: _marked(function, Mark("timers", outcome_timer(matter), Handler(function, reads)))


def subscriber_changed(function: SubscriberChangedFunction) -> SubscriberChangedFunction:
    """Mark a function that runs whenever an outcome changes or opens a subscriber; its outcome is joined to that one.

    It is given the turn, the subscriber before (None for a new tenure) and after. Closing a number is no such change.
    """
    return _marked(function, Mark("subscriber_changed", function, entry=function))


def outcome_timer(matter: str) -> str:
    """The kind of timer by which a turn is told what became of a message."""
    return f"{MESSAGE_OUTCOME}:{matter.partition(':')[0]}"


@dataclass(slots=True)
class Registry:
    """Everything that the decorators marked, by what it is found with."""

    keywords: dict[str, Command] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    prefixes: dict[str, Command] = field(default_factory=dict)
    interceptors: dict[str, SaidFunction] = field(default_factory=dict)
    questions: dict[type[QuestionState], QuestionKind] = field(default_factory=dict)
    timers: dict[str, Handler] = field(default_factory=dict)
    calls: dict[type[Stimulus], Handler] = field(default_factory=dict)
    incomplete: dict[Callable[..., object], bool] = field(default_factory=dict)
    subscriber_changed: dict[Callable[..., object], SubscriberChangedFunction] = field(default_factory=dict)
    menu: tuple[Text, ...] = ()
    longest_prefix: int = 0
    reader: Reader = field(default_factory=lambda: Reader.of((), (), ()))

    def exact(self, said: Said) -> Command | None:
        """The command whose keyword a text is, whatever sign or question mark stands behind it."""
        return self.keywords.get(said.key) or self.keywords.get(said.key.rstrip(_BEHIND_KEYWORD))

    def is_keyword(self, said: Said) -> bool:
        """Whether a text is a keyword and nothing else, also one that something is joined to (QX)."""
        bare = said.key.rstrip(_BEHIND_KEYWORD)
        return self.exact(said) is not None or bare in self.prefixes or bare in vocabulary.RESERVED

    def clashes_with_order_keyword(self, word: str) -> str | None:
        """What an order keyword would be mistaken for, as in KTYLTX or QXALL (safety.md 9)."""
        if word in vocabulary.ALL:
            return word
        prefixes = (prefix for prefix, entry in self.prefixes.items() if entry.takes is Takes.WORD)
        taken = (*(prefix + word for prefix in prefixes), word)
        return next((keyword for keyword in taken if keyword in self.keywords or keyword in vocabulary.RESERVED), None)
