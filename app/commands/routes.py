"""Which command, question or rule took a text that was handled, told from the text and from what came of it.

The router does not record its way. It prefers keywords to questions, so the text itself decides about these; a question
that was answered shows in what the turn made.
"""

from enum import StrEnum

from app.commands.arguments import KeywordMatch, match_keyword
from app.commands.limits import (
    FORMER_CUSTOMER,
    INCOMPLETE,
    LOOP,
    NOT_A_CUSTOMER,
    NOT_UNDERSTOOD,
    OVER_RATE,
    TOO_MANY_SEGMENTS,
)
from app.commands.parser import Said, parse_pick
from app.commands.question_handlers import SEVERAL_QUESTIONS, TOO_LATE
from app.commands.registry import Command, Registry, Takes
from app.domain.catalogue import Catalogue
from app.domain.messages import Ignored, InboundStatus
from app.domain.values import value


class RouteKind(StrEnum):
    """What took a text.

    ``keyword``, ``answer``, ``late_answer``: a command, an open question, one that had ended. ``number``: the function
    of the number that it was sent to. ``repeated_question``, ``several_questions``, ``help``: it was not understood,
    or fits several questions, and the reply says so. ``incomplete``, ``over_rate``, ``loop``, ``too_many_segments``,
    ``not_a_customer``, ``former_customer``: a rule that goes before commands and questions, or keeps their outcome
    back. ``unanswerable``: its sender is no subscriber's number, or not an allowed one. ``part``: of a long message.
    ``repeat``: of a message or part that had come before. ``waiting``, ``kept``, ``failing``, ``dead``: it is not
    handled, or not yet.
    """

    KEYWORD = "keyword"
    NUMBER = "number"
    ANSWER = "answer"
    LATE_ANSWER = "late_answer"
    REPEATED_QUESTION = "repeated_question"
    SEVERAL_QUESTIONS = "several_questions"
    HELP = "help"
    INCOMPLETE = "incomplete"
    OVER_RATE = "over_rate"
    LOOP = "loop"
    TOO_MANY_SEGMENTS = "too_many_segments"
    NOT_A_CUSTOMER = "not_a_customer"
    FORMER_CUSTOMER = "former_customer"
    PART = "part"
    REPEAT = "repeat"
    UNANSWERABLE = "unanswerable"
    WAITING = "waiting"
    KEPT = "kept"
    FAILING = "failing"
    DEAD = "dead"


@value
class Handled:
    """What became of a text.

    Attributes:
        extension: the extension that it was sent to.
        verdict: None: it has none yet.
        tries: how often handling it failed.
        replied_from: the extensions that the replies came from.
        answered: the kind of the question that the turn closed, followed up or named as asked; None: it did none.
        asked_there: the kind of the question that was open where the reply came from; None if there was none.
    """

    status: InboundStatus
    verdict: str | None
    tries: int
    extension: str
    replied_from: frozenset[str]
    answered: str | None
    asked_there: str | None


@value
class Route:
    """What took a text.

    Attributes:
        keyword, argument: of a command, normalised; the argument is empty if there was none.
        function: the dotted name of the function or class in the program; None for rules.
    """

    kind: RouteKind
    keyword: str | None = None
    argument: str | None = None
    function: str | None = None


_RULES = {
    INCOMPLETE: RouteKind.INCOMPLETE,
    OVER_RATE: RouteKind.OVER_RATE,
    LOOP: RouteKind.LOOP,
    TOO_MANY_SEGMENTS: RouteKind.TOO_MANY_SEGMENTS,
    NOT_A_CUSTOMER: RouteKind.NOT_A_CUSTOMER,
    FORMER_CUSTOMER: RouteKind.FORMER_CUSTOMER,
    SEVERAL_QUESTIONS: RouteKind.SEVERAL_QUESTIONS,
}
_REPEATS = (Ignored.CHANGED_REPEAT, Ignored.REPEATED_PART)
_OF_REPLIES = {NOT_UNDERSTOOD: RouteKind.REPEATED_QUESTION, TOO_LATE: RouteKind.LATE_ANSWER}


def route_of(registry: Registry, catalogue: Catalogue, said: Said, handled: Handled) -> Route:
    """Return what took a text."""
    rule = _unhandled(handled) or _RULES.get(handled.verdict or "")
    if rule is not None:
        return Route(rule)
    number = registry.numbers.get(handled.extension)
    if number is not None and handled.extension in handled.replied_from:
        return Route(RouteKind.NUMBER, function=_name(number.run))
    match = _keyword(registry, said)
    if match is not None and (match[0].takes is not Takes.WORD or not match[1] or match[1] in catalogue.by_keyword):
        return _by_keyword(registry, said, match)
    if handled.answered is not None:
        kind = RouteKind.LATE_ANSWER if handled.verdict == TOO_LATE else RouteKind.ANSWER
        return Route(kind, function=_name_of_question(registry, handled.answered))
    # TD1 behind a listing is a pick.
    if match is not None and (handled.asked_there is None or parse_pick(said) is None):
        return _by_keyword(registry, said, match)
    return _by_reply(registry, handled)


def _by_reply(registry: Registry, handled: Handled) -> Route:
    """Return the route of a text that changed nothing, by the question that its reply is about."""
    if handled.asked_there is None:
        return Route(RouteKind.HELP)
    kind = _OF_REPLIES.get(handled.verdict or "", RouteKind.ANSWER)
    return Route(kind, function=_name_of_question(registry, handled.asked_there))


def _unhandled(handled: Handled) -> RouteKind | None:
    match handled.status:
        case InboundStatus.PENDING if handled.tries:
            return RouteKind.FAILING
        case InboundStatus.PENDING:
            return RouteKind.WAITING if handled.verdict is None else RouteKind.KEPT
        case InboundStatus.JOINED:
            return RouteKind.PART
        case InboundStatus.DEAD:
            return RouteKind.DEAD
        case InboundStatus.IGNORED if handled.verdict != FORMER_CUSTOMER:
            return RouteKind.REPEAT if handled.verdict in _REPEATS else RouteKind.UNANSWERABLE
    return None


# ---- keywords


def _keyword(registry: Registry, said: Said) -> KeywordMatch | None:
    exact = registry.exact(said)
    return (exact, "") if exact else match_keyword(registry, said)


def is_keyword(registry: Registry, said: Said) -> bool:
    """Return True for a text that a command takes, whatever was asked."""
    match = _keyword(registry, said)
    return match is not None and (not match[1] or match[0].takes is not Takes.WORD)


def _by_keyword(registry: Registry, said: Said, match: KeywordMatch) -> Route:
    command, argument = match
    return Route(RouteKind.KEYWORD, _written(registry, said, command), argument, _name(command.run))


def _written(registry: Registry, said: Said, command: Command) -> str:
    """Return the longest keyword or alias of a command that a text begins with."""
    known = (*registry.keywords.items(), *registry.prefixes.items())
    return max((word for word, one in known if one is command and said.key.startswith(word)), key=len)


# ---- names in the program


def _name(function: object) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"


def _name_of_question(registry: Registry, kind: str) -> str | None:
    handlers = (handler for state, handler in registry.questions.items() if state.kind == kind)
    return next((_name(type(handler)) for handler in handlers), None)
