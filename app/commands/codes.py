"""Codes: four digits that answer one question and mean nothing else to the subscriber (safety.md 7)."""

from app.commands.parser import Said, normalise, parse_pick
from app.commands.vocabulary import NO, RESERVED
from app.domain.charges import CODE_RESTS, Charge, new_code
from app.domain.dialogue import Question
from app.domain.orders import Order
from app.domain.turn import Turn

_DIGITS = 4


def fresh_code(turn: Turn) -> str:
    """Return a code that is no keyword, alias or order keyword, and was not given to the subscriber for 7 days."""
    since = turn.now - CODE_RESTS
    charges = turn.account.records_of(Charge)
    orders = turn.account.records_of(Order)
    given = {
        *(one.code for one in charges if one.is_open or max(one.made_at, one.window_ends_at or one.made_at) > since),
        *(order.code for order in orders if order.is_open or order.made_at > since),
    }
    words = {*RESERVED, *(normalise(alias).key for alias in turn.policy.aliases), *turn.catalogue.by_keyword}
    return new_code(turn.randbelow, lambda code: code in given or code in words)


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
