"""Codes that she answers with: four digits that mean nothing else to her (safety.md 7)."""

from app.commands.vocabulary import RESERVED
from app.domain.charges import CODE_RESTS, Charge, new_code
from app.domain.orders import Order
from app.domain.turn import Turn


def fresh_code(turn: Turn) -> str:
    """A code that is no keyword, alias or order keyword, and none that she was given in the last 7 days."""
    since = turn.now - CODE_RESTS
    fees = turn.account.records_of(Charge)
    orders = turn.account.records_of(Order)
    given = {
        *(fee.code for fee in fees if fee.is_open or max(fee.made_at, fee.window_ends_at or fee.made_at) > since),
        *(order.code for order in orders if order.is_open or order.made_at > since),
    }
    words = {*RESERVED, *turn.policy.aliases, *turn.catalogue.by_keyword}
    return new_code(turn.dice, lambda code: code in given or code in words)
