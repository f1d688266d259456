"""QX and an order keyword: stop that service at once (flows.md 4)."""

from app.commands.confirming import carry_out, plain, request_of
from app.commands.guarding import NOT_UNDERSTOOD
from app.commands.listing import label_of, open_listing
from app.commands.registry import Takes, command
from app.commands.unsubscribing import Wish
from app.commands.vocabulary import UNSUBSCRIBE
from app.domain.account import Subscription
from app.domain.texts import unsubscribing as texts
from app.domain.turn import Outcome, Turn

# No order keyword is longer (safety.md 9); what is longer is not said back: it may hold anything, even a password.
_LONGEST_WORD = 12


@command(*UNSUBSCRIBE, takes=Takes.WORD, kept=True, menu=texts.HELP, rank=20)
def unsubscribe_by_word(turn: Turn, word: str) -> Outcome:
    """End the service with that order keyword at once; only a warning asks anything."""
    language = turn.account.language
    if not word:
        return plain(turn, texts.NO_KEYWORD.say(language))
    service = turn.catalogue.by_keyword.get(word)
    if service is None:
        text = texts.NO_SUCH_SERVICE if len(word) <= _LONGEST_WORD else texts.NO_SUCH_KEYWORD
        return plain(turn, text.say(language, word=word), verdict=NOT_UNDERSTOOD)
    held = _latest(turn, service.service_code)
    if held is None:
        return plain(turn, texts.NOT_HELD.say(language, name=service.name))
    wish = Wish(label_of(turn.catalogue, held), held)
    return carry_out(turn, [wish], request_of(turn, None), (), open_listing(turn))


def _latest(turn: Turn, service_code: str) -> Subscription | None:
    """The one that runs, else the one that ended last."""
    of_service = [item for item in turn.account.subscriptions.values() if item.service_code == service_code]
    return turn.account.held(service_code, turn.at) or max(of_service, key=lambda item: item.started_at, default=None)
