"""Decorators that mark what a function is for, and the registry of all marked functions.

A decorator only marks its function; ``collecting`` builds the registry from the marks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from app.commands import vocabulary
from app.commands.parser import Said
from app.commands.question_handlers import QuestionHandler
from app.commands.reading import Reader
from app.domain.account import Subscriber
from app.domain.dialogue import QuestionState
from app.domain.matters import MatterKind
from app.domain.records import Record
from app.domain.texts.wording import Text
from app.domain.turn import Handled, Outcome, Stimulus, Turn
from app.domain.values import value

MARKS = "_smsgw_marks"
_BEHIND_KEYWORD = vocabulary.BEHIND_KEYWORD + vocabulary.TRAILING + vocabulary.CLOSING


class Takes(Enum):
    """What may follow a keyword."""

    NOTHING = auto()
    WORD = auto()  # a word, joined to it or behind a blank: QXCL, QX CL
    KNOWN_WORD = auto()  # as WORD, but only one that the command knows; with another, the text is not this command
    ARGUMENTS = auto()  # arguments, behind # or white space: ZD#202610
    TEXT = auto()  # free text, behind it or joined to it, unless both together are one Latin word
    ANYTHING = auto()  # any text: the command takes whatever begins with the keyword

    @property
    def word(self) -> bool:
        """True if a word follows, without which there is no command."""
        return self in (Takes.WORD, Takes.KNOWN_WORD)


CommandFunction = Callable[[Turn, str], Handled]
TurnFunction = Callable[[Turn], Outcome]
SaidFunction = Callable[[Turn, Said], Outcome | None]
KnowsFunction = Callable[[Turn, str], bool]
SubscriberChangedFunction = Callable[[Turn, Subscriber | None, Subscriber], Outcome]
# The kinds of records to load for a function.
Reads = tuple[type[Record], ...]
# For what concerns every kind, and for texts that any command or question may take.
ALL_RECORDS: Reads = (Record,)


@value
class Command:
    """A command and its keywords.

    ``kept``: over the rate limit, keep the text until the minute is over instead of dropping it (safety.md 22).
    ``menu`` is its line in help, by ascending ``rank``. ``knows`` returns True if a word behind the keyword means
    something to the command although it is no order keyword.
    """

    keywords: tuple[str, ...]
    run: CommandFunction
    takes: Takes
    kept: bool
    menu: Text | None
    rank: int
    knows: KnowsFunction | None
    reads: Reads


@value
class Handler:
    """A function of a turn, and the records that it reads."""

    run: TurnFunction
    reads: Reads


@value
class Number:
    """The function that takes texts sent to a number; ``kept`` as in ``Command``."""

    run: SaidFunction
    kept: bool


@value
class Mark:
    """An entry for one of the registry's tables, and its key."""

    table: str
    key: str | type[Stimulus] | type[QuestionState] | Callable[..., object]
    entry: Handler | Number | QuestionHandler | SaidFunction | SubscriberChangedFunction | bool


_F = TypeVar("_F", bound=Callable[..., object])
_H = TypeVar("_H", bound=QuestionHandler)
_C = TypeVar("_C", bound=CommandFunction)


def _marked(function: _F, mark: object) -> _F:
    setattr(function, MARKS, (*getattr(function, MARKS, ()), mark))
    return function


def command(
    *keywords: str,
    reads: Reads,
    takes: Takes = Takes.NOTHING,
    kept: bool = False,
    menu: Text | None = None,
    rank: int = 100,
    knows: KnowsFunction | None = None,
) -> Callable[[_C], _C]:
    """Mark the function that carries out a command; the arguments are the fields of ``Command``.

    ``reads`` names the kinds of records that it and what it calls ask the account for; no other kinds are loaded.
    """
    return lambda function: _marked(function, Command(keywords, function, takes, kept, menu, rank, knows, reads))


def number(extension: str, *, kept: bool = False) -> Callable[[SaidFunction], SaidFunction]:
    """Mark the function that takes texts sent to a number.

    It returns None for a text that means the same as at any other number.
    """
    return lambda function: _marked(function, Mark("numbers", extension, Number(function, kept)))


def answer(state: type[QuestionState]) -> Callable[[type[_H]], type[_H]]:
    """Mark the class that handles answers to a kind of question."""
    return lambda handler: _marked(handler, Mark("questions", state, handler()))


def intercept(extension: str) -> Callable[[SaidFunction], SaidFunction]:
    """Mark the function that sees texts sent to a number before commands and questions do.

    A keyword in such a text is carried out as well. The function returns None for a text that it leaves alone.
    """
    return lambda function: _marked(function, Mark("interceptors", extension, function))


def incomplete(function: _F) -> _F:
    """Mark a command, a question's handler or the function of a number that accepts texts with missing parts.

    All others never see such a text: it may say the opposite of what the subscriber wrote.
    """
    return _marked(function, Mark("incomplete", function, entry=True))


def timer(kind: str, *, reads: Reads) -> Callable[[TurnFunction], TurnFunction]:
    """Mark the function that runs when a timer of a kind falls due."""
    return lambda function: _marked(function, Mark("timers", kind, Handler(function, reads)))


def call(stimulus: type[Stimulus], *, reads: Reads) -> Callable[[TurnFunction], TurnFunction]:
    """Mark the function that carries out a call of the management API."""
    return lambda function: _marked(function, Mark("calls", stimulus, Handler(function, reads)))


def on_outcome(matter: MatterKind, *, reads: Reads) -> Callable[[TurnFunction], TurnFunction]:
    """Mark the function that handles the outcome of messages about a kind of matter."""
    return lambda function: _marked(function, Mark("timers", matter.outcome_timer, Handler(function, reads)))


def subscriber_changed(function: SubscriberChangedFunction) -> SubscriberChangedFunction:
    """Mark a function that runs whenever an outcome changes or opens a subscriber; its outcome is joined to that one.

    It is given the turn, the subscriber before (None for a new tenure) and after. Closing a number is no such change.
    """
    return _marked(function, Mark("subscriber_changed", function, entry=function))


@dataclass(slots=True)
class Registry:
    """All marked functions, each table by the key that finds its entry.

    ``prefixes`` are keywords that something may follow, ``longest_prefix`` is the length of the longest in characters.
    """

    keywords: dict[str, Command] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    prefixes: dict[str, Command] = field(default_factory=dict)
    interceptors: dict[str, SaidFunction] = field(default_factory=dict)
    questions: dict[type[QuestionState], QuestionHandler] = field(default_factory=dict)
    timers: dict[str, Handler] = field(default_factory=dict)
    calls: dict[type[Stimulus], Handler] = field(default_factory=dict)
    incomplete: dict[Callable[..., object], bool] = field(default_factory=dict)
    subscriber_changed: dict[Callable[..., object], SubscriberChangedFunction] = field(default_factory=dict)
    menu: tuple[Text, ...] = ()
    longest_prefix: int = 0
    reader: Reader = field(default_factory=lambda: Reader.of((), (), ()))

    @property
    def all_keywords(self) -> frozenset[str]:
        """The keywords and aliases, normalised, including those that need a word behind them."""
        return frozenset({*self.keywords, *self.prefixes})

    def exact(self, said: Said) -> Command | None:
        """Return the command whose keyword the text is, ignoring signs and question marks behind it."""
        return self.keywords.get(said.key) or self.keywords.get(said.key.rstrip(_BEHIND_KEYWORD))

    def is_keyword(self, said: Said) -> bool:
        """Return True if the text is just a keyword, including one that needs a word joined to it (QX)."""
        bare = said.key.rstrip(_BEHIND_KEYWORD)
        return self.exact(said) is not None or bare in self.prefixes

    def clashes_with_order_keyword(self, word: str) -> str | None:
        """Return the keyword that an order keyword would be mistaken for, as in KTYLTX or QXALL (safety.md 9)."""
        if word in vocabulary.ALL:
            return word
        prefixes = (prefix for prefix, entry in self.prefixes.items() if entry.takes.word)
        read_as = (*(prefix + word for prefix in prefixes), word)
        return next((keyword for keyword in read_as if keyword in self.all_keywords), None)
