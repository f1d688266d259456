"""QX and an order keyword or a name: unsubscribe that service (flows.md 4)."""

from app.commands.limits import not_understood
from app.commands.parser import Said, parse_pick
from app.commands.registry import Takes, command
from app.commands.replies import say
from app.commands.subscriptions.confirming import reply_only, request_of, unsubscribe
from app.commands.subscriptions.listing import ChoosingServices, items_listed_now, label_of, list_services, open_listing
from app.commands.subscriptions.matching import ServiceMatch, match_services, means_all_services
from app.commands.subscriptions.picking import ask_all
from app.commands.subscriptions.unsubscribing import UnsubscribeTarget
from app.commands.vocabulary import BEHIND_KEYWORD, UNSUBSCRIBE_WORDS, WISHES_TO_UNSUBSCRIBE
from app.domain.charges import Charge
from app.domain.orders import Order
from app.domain.refunds import Refund
from app.domain.service_numbers import Extension
from app.domain.texts import unsubscribing as texts
from app.domain.texts.wording import Text
from app.domain.turn import Outcome, Turn
from app.domain.values import replace

# No order keyword is longer (safety.md 9). A longer word is not repeated in the reply: it may be a password.
_LONGEST_WORD = 12


def _has_meaning(turn: Turn, word: str) -> bool:
    return means_all_services(word) or bool(match_services(turn, word).held)


@command(
    *UNSUBSCRIBE_WORDS,
    takes=Takes.WORD,
    kept=True,
    menu=texts.HELP,
    rank=20,
    knows=_has_meaning,
    reads=(Charge, Order, Refund),
)
def unsubscribe_by_word(turn: Turn, word: str) -> Outcome:
    """Unsubscribe the service that the word names; ask first if there is a warning or the match is uncertain."""
    language, bare = turn.account.language, word.rstrip(BEHIND_KEYWORD)
    if not bare:
        return reply_only(turn, texts.NO_KEYWORD.say(language))
    if means_all_services(word):
        return _unsubscribe_all(turn)
    matched = match_services(turn, word)
    if matched.held:
        return unsubscribe_match(turn, matched)
    if matched.service is not None:
        return reply_only(turn, texts.NOT_HELD.say(language, name=matched.service.name))
    return not_understood(say(turn, _nothing_named(bare).say(language, word=bare), extension=Extension.LISTING))


def _nothing_named(word: str) -> Text:
    if parse_pick(Said(word, word)) is not None:
        return texts.NUMBER_WITHOUT_LISTING
    return texts.NO_SUCH_SERVICE if len(word) <= _LONGEST_WORD else texts.NO_SUCH_KEYWORD


@command(*WISHES_TO_UNSUBSCRIBE, takes=Takes.KNOWN_WORD, kept=True, knows=_has_meaning, reads=(Charge, Order, Refund))
def ask_to_unsubscribe(turn: Turn, word: str) -> Outcome:
    """Ask whether to unsubscribe the service that the word names, or all of them."""
    if means_all_services(word):
        return _unsubscribe_all(turn)
    return unsubscribe_match(turn, replace(match_services(turn, word), certain=False))


def unsubscribe_match(turn: Turn, matched: ServiceMatch) -> Outcome:
    """Unsubscribe the matched service; ask first if it has a warning or the match is uncertain. List several."""
    if len(matched.held) > 1:
        return list_services(turn, "")
    targets = [UnsubscribeTarget(label_of(turn.catalogue, held), held) for held in matched.held]
    return unsubscribe(turn, targets, request_of(turn, None, guessed=not matched.certain), (), open_listing(turn))


def _unsubscribe_all(turn: Turn) -> Outcome:
    """Ask to unsubscribe all items of the open listing, or of a new one.

    Send a listing instead if it would have no items, or if 全部 is switched off.
    """
    listing = open_listing(turn)
    shown = listing.state_as(ChoosingServices).items if listing and not listing.failed_at else None
    items = shown or items_listed_now(turn)
    if not items or not turn.policy.allow_unsubscribe_all:
        return list_services(turn, "")
    return ask_all(turn, items, listing if shown else None)
