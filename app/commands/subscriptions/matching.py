"""Match a word to services of the subscriber: by order keyword, by name or by a part of a name (flows.md 4)."""

from collections.abc import Iterator

from app.commands.parser import Said, is_all, name_key, normalise, parse_pick
from app.commands.subscriptions.listing import label_of
from app.commands.vocabulary import (
    ARGUMENT_MARKS,
    ASK_ORIGIN_MARK,
    BEHIND_KEYWORD,
    CLOSING,
    SERVICE_WORD,
    TRAILING,
)
from app.domain.catalogue import Service
from app.domain.subscriptions import Subscription
from app.domain.turn import Turn
from app.domain.values import value

# Characters that normalising strips from the end of a text.
_STRIPPED = CLOSING + TRAILING


@value
class ServiceMatch:
    """The subscriptions that a word means.

    ``service`` is the one with that order keyword, even if the subscriber does not have it. ``certain`` says that the
    word is a whole keyword or name without a question mark.
    """

    held: tuple[Subscription, ...] = ()
    service: Service | None = None
    certain: bool = True


def means_all_services(word: str) -> bool:
    """Return True if the word is one for all services, such as 全部."""
    return is_all(normalise(word.rstrip(BEHIND_KEYWORD)))


def match_services(turn: Turn, word: str) -> ServiceMatch:
    """Match a word as it follows ``QX``, normalised as a key.

    The word as written goes before its forms without signs, an order keyword before a name, and a whole name before a
    part. A number matches no part of a name: it is a pick, though perhaps a late one.
    """
    asked = word.endswith(ASK_ORIGIN_MARK)
    for form in _forms(word):
        service = turn.catalogue.by_keyword.get(form)
        if service is not None:
            held = _latest(turn, service.service_code)
            return ServiceMatch((held,) if held else (), service, certain=not asked)
        named = _by_name(turn, form)
        if named:
            return ServiceMatch(named, certain=not asked)
    bare = word.strip(BEHIND_KEYWORD + ARGUMENT_MARKS).removesuffix(SERVICE_WORD)
    if not any(map(str.isalnum, bare)) or parse_pick(Said(bare, bare)) is not None:
        return ServiceMatch()
    parts = tuple(item for item in _running(turn) if bare in name_key(label_of(turn.catalogue, item)))
    return ServiceMatch(parts, certain=False)


def _forms(word: str) -> Iterator[str]:
    """Yield the word as written, then without the signs around it."""
    yield word
    bare = word.strip(BEHIND_KEYWORD + ARGUMENT_MARKS)
    yield bare
    yield normalise(bare).key


def _running(turn: Turn) -> Iterator[Subscription]:
    return (item for item in turn.account.subscriptions.values() if item.runs(turn.at))


def _by_name(turn: Turn, form: str) -> tuple[Subscription, ...]:
    """Return the running subscriptions of that name, else the last one: a repeated text means no other service."""
    of_name = [item for item in turn.account.subscriptions.values() if _is_name_of(turn, item, form)]
    running = tuple(item for item in of_name if item.runs(turn.at))
    return running or tuple(sorted(of_name, key=lambda item: item.started_at)[-1:])


def _is_name_of(turn: Turn, item: Subscription, form: str) -> bool:
    """Return True if the form is the service's name, with or without its SP and the signs that normalising strips."""
    service = turn.catalogue.services[item.service_code]
    names = (service.name, label_of(turn.catalogue, item))
    return any(form in (name_key(name), name_key(name).rstrip(_STRIPPED), normalise(name).key) for name in names)


def _latest(turn: Turn, service_code: str) -> Subscription | None:
    """Return the running subscription of a service, else the one that started last."""
    of_service = [item for item in turn.account.subscriptions.values() if item.service_code == service_code]
    return turn.account.running_subscription(service_code, turn.at) or max(
        of_service, key=lambda item: item.started_at, default=None
    )
