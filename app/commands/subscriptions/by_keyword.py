"""QX and an order keyword or a name: stop that service (flows.md 4)."""

from app.commands.limits import NOT_UNDERSTOOD
from app.commands.registry import Takes, command
from app.commands.subscriptions.confirming import carry_out, plain, request_of
from app.commands.subscriptions.listing import ChoosingServices, label_of, list_services, numbered_now, open_listing
from app.commands.subscriptions.matching import ServiceMatch, asks_for_all, match_services
from app.commands.subscriptions.picking import ask_all
from app.commands.subscriptions.unsubscribing import UnsubscribeTarget
from app.commands.vocabulary import BEHIND_KEYWORD, UNSUBSCRIBE_WORDS
from app.domain.texts import unsubscribing as texts
from app.domain.turn import Outcome, Turn

# No order keyword is longer (safety.md 9); what is longer is not said back: it may hold anything, even a password.
_LONGEST_WORD = 12


def _means_something(turn: Turn, word: str) -> bool:
    return asks_for_all(word) or bool(match_services(turn, word).held)


@command(*UNSUBSCRIBE_WORDS, takes=Takes.WORD, kept=True, menu=texts.HELP, rank=20, knows=_means_something)
def unsubscribe_by_word(turn: Turn, word: str) -> Outcome:
    """End at once the service that it names; a warning, or a name that is not certain, asks first."""
    language, bare = turn.account.language, word.rstrip(BEHIND_KEYWORD)
    if not bare:
        return plain(turn, texts.NO_KEYWORD.say(language))
    if asks_for_all(word):
        return _everything(turn)
    meant = match_services(turn, word)
    if len(meant.held) > 1:
        return list_services(turn, "")
    if meant.held:
        return unsubscribe_match(turn, meant)
    if meant.service is not None:
        return plain(turn, texts.NOT_HELD.say(language, name=meant.service.name))
    text = texts.NO_SUCH_SERVICE if len(bare) <= _LONGEST_WORD else texts.NO_SUCH_KEYWORD
    return plain(turn, text.say(language, word=bare), verdict=NOT_UNDERSTOOD)


def unsubscribe_match(turn: Turn, meant: ServiceMatch) -> Outcome:
    """End the one that is meant."""
    targets = [UnsubscribeTarget(label_of(turn.catalogue, held), held) for held in meant.held]
    return carry_out(turn, targets, request_of(turn, None, guessed=not meant.certain), (), open_listing(turn))


def _everything(turn: Turn) -> Outcome:
    """全部 of the open listing, else of what one would show; a list where there is nothing, or where it is off."""
    listing = open_listing(turn)
    shown = listing.state_as(ChoosingServices).items if listing and not listing.failed_at else None
    items = shown or numbered_now(turn)
    if not items or not turn.policy.allow_unsubscribe_all:
        return list_services(turn, "")
    return ask_all(turn, items, listing if shown else None)
