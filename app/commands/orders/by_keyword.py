"""KT and an order keyword: order that service, once confirmed (flows.md 4, 6)."""

from app.commands.limits import not_understood
from app.commands.orders.placing import place_by_sms
from app.commands.registry import Takes, command
from app.commands.replies import say
from app.commands.vocabulary import BEHIND_KEYWORD, ORDER
from app.domain.charges import Charge
from app.domain.names import order_keyword_violation
from app.domain.orders import Order
from app.domain.texts import orders as texts
from app.domain.turn import Outcome, Turn


@command(*ORDER, takes=Takes.WORD, menu=texts.HELP, rank=30, reads=(Charge, Order))
def order_by_word(turn: Turn, word: str) -> Outcome:
    """Ask the subscriber to confirm an order of the service with that order keyword."""
    word = word.rstrip(BEHIND_KEYWORD)
    service = turn.catalogue.by_keyword.get(word)
    if service is not None:
        return place_by_sms(turn, service)
    if not word:
        return Outcome(replies=(say(turn, texts.NO_KEYWORD.say(turn.account.language)),))
    # A word that cannot be an order keyword is not repeated: it may be a password.
    text = texts.NO_SUCH_KEYWORD if order_keyword_violation(word) else texts.NO_SUCH_SERVICE
    return not_understood(say(turn, text.say(turn.account.language, word=word)))
