"""Codes: four digits that answer one question and mean nothing else to the subscriber (safety.md 7)."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from app.commands.parser import Said, parse_pick
from app.commands.vocabulary import NO
from app.domain.account import Account
from app.domain.charges import Charge
from app.domain.dialogue import Question
from app.domain.orders import Order
from app.domain.turn import Turn

_DIGITS = 4
_LOWEST, _COUNT = 1000, 9000
# How long a code is not given to the same subscriber again.
_RESTS = timedelta(days=7)


def fresh_code(turn: Turn) -> str:
    """Return a code that is no keyword, alias or order keyword, and neither open nor given in the last 7 days."""
    taken = {*turn.policy.keywords, *turn.catalogue.by_keyword, *_codes_given(turn.account, turn.now - _RESTS)}
    return draw_code(turn.randbelow, taken.__contains__)


def _codes_given(account: Account, since: datetime) -> Iterator[str | None]:
    """Yield the codes that are still open, or were given after ``since`` (UTC)."""
    for charge in account.records_of(Charge):
        if charge.is_open or max(charge.made_at, charge.window_ends_at or charge.made_at) > since:
            yield charge.code
    for order in account.records_of(Order):
        if order.is_open or order.made_at > since:
            yield order.code
    # An order that is asked about again has the newest code only.
    for question in account.questions.values():
        if question.asked_at > since:
            yield question.state.answer_code


def draw_code(randbelow: Callable[[int], int], taken: Callable[[str], bool]) -> str:
    """Return a code from 1000 to 9999 that is not ``taken``. Raise LookupError if all are.

    ``randbelow(n)`` returns a random number from 0 to n - 1.
    """
    first = randbelow(_COUNT)
    for step in range(_COUNT):
        code = str(_LOWEST + (first + step) % _COUNT)
        if not taken(code):
            return code
    raise LookupError("there is no code left to give")


def codes_in(said: Said) -> frozenset[str]:
    """Return the numbers of a text that holds nothing else, except a no or an unsubscribe word in front."""
    bare = next((said.words.removeprefix(word) for word in sorted(NO, key=len) if said.words.startswith(word)), None)
    spans = parse_pick(said if bare is None else Said(bare.strip(), "".join(bare.split())))
    return frozenset(span.as_written for span in spans or ())


def looks_like_code(said: Said) -> bool:
    """Return True if a text is four digits and nothing else, as a right or a wrong code is."""
    return len(said.key) == _DIGITS and said.key.isascii() and said.key.isdigit()


def questions_with_code(questions: list[Question], said: Said) -> list[Question]:
    """Return the questions whose own code is in a text."""
    codes = codes_in(said)
    return [question for question in questions if question.state.answer_code in codes] if codes else []
