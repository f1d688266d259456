"""Codes that she answers with: four digits that mean nothing else to her (safety.md 7)."""

from app.commands.parser import Said, normalise, parse_pick
from app.commands.vocabulary import NO, RESERVED
from app.domain.charges import CODE_RESTS, Charge, new_code
from app.domain.dialogue import Question
from app.domain.orders import Order
from app.domain.turn import Turn

_DIGITS = 4


def fresh_code(turn: Turn) -> str:
    """A code that is no keyword, alias or order keyword, and none that she was given in the last 7 days."""
    since = turn.now - CODE_RESTS
    fees = turn.account.records_of(Charge)
    orders = turn.account.records_of(Order)
    given = {
        *(fee.code for fee in fees if fee.is_open or max(fee.made_at, fee.window_ends_at or fee.made_at) > since),
        *(order.code for order in orders if order.is_open or order.made_at > since),
    }
    words = {*RESERVED, *(normalise(alias).key for alias in turn.policy.aliases), *turn.catalogue.by_keyword}
    return new_code(turn.randbelow, lambda code: code in given or code in words)


def codes_in(said: Said) -> frozenset[str]:
    """The numbers of a text that is made of nothing else, but for a word that stops or denies."""
    bare = next((said.words.removeprefix(word) for word in sorted(NO, key=len) if said.words.startswith(word)), None)
    spans = parse_pick(said if bare is None else Said(bare.strip(), "".join(bare.split())))
    return frozenset(span.as_written for span in spans or ())


def looks_like_code(said: Said) -> bool:
    """Whether a text is nothing but the digits of a code, right or wrong."""
    return len(said.key) == _DIGITS and said.key.isascii() and said.key.isdigit()


def questions_with_code(questions: list[Question], said: Said) -> list[Question]:
    """The questions whose own code a text names."""
    codes = codes_in(said)
    return [question for question in questions if question.state.answer_code in codes] if codes else []
