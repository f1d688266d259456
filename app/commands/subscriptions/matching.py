"""Which of her services a word means: by order keyword, by name, by a part of names (flows.md 4)."""

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
from app.domain.account import Subscription
from app.domain.catalogue import Service
from app.domain.turn import Turn
from app.domain.values import value

# What normalising takes from the end of a text.
_ENDS = CLOSING + TRAILING


@value
class ServiceMatch:
    """What a word means among what she has; ``service``: what it is the order keyword of.

    ``certain``: she wrote a keyword or a name whole, and asked nothing.
    """

    held: tuple[Subscription, ...] = ()
    service: Service | None = None
    certain: bool = True


def asks_for_all(word: str) -> bool:
    """Whether it means everything."""
    return is_all(normalise(word.rstrip(BEHIND_KEYWORD)))


def match_services(turn: Turn, word: str) -> ServiceMatch:
    """What a word (a key, as it stands behind ``QX``) means.

    A name as it is written goes before one that is read into it. A number is no part of a name: it is a pick, if a late
    one.
    """
    asked = word.endswith(ASK_ORIGIN_MARK)
    for form in _forms(word):
        service = turn.catalogue.by_keyword.get(form)
        if service is not None:
            held = _latest(turn, service.service_code)
            return ServiceMatch((held,) if held else (), service, certain=not asked)
        named = _named(turn, form)
        if named:
            return ServiceMatch(named, certain=not asked)
    bare = word.strip(BEHIND_KEYWORD + ARGUMENT_MARKS).removesuffix(SERVICE_WORD)
    if not any(map(str.isalnum, bare)) or parse_pick(Said(bare, bare)) is not None:
        return ServiceMatch()
    parts = tuple(item for item in _running(turn) if bare in name_key(label_of(turn.catalogue, item)))
    return ServiceMatch(parts, certain=False)


def _forms(word: str) -> Iterator[str]:
    """As it is written, then without the signs around it."""
    yield word
    bare = word.strip(BEHIND_KEYWORD + ARGUMENT_MARKS)
    yield bare
    yield normalise(bare).key


def _running(turn: Turn) -> Iterator[Subscription]:
    return (item for item in turn.account.subscriptions.values() if item.runs(turn.at))


def _named(turn: Turn, form: str) -> tuple[Subscription, ...]:
    """What runs of that name, else the one that she had last: who stops a service twice means no other one."""
    of_name = [item for item in turn.account.subscriptions.values() if _is_name_of(turn, item, form)]
    running = tuple(item for item in of_name if item.runs(turn.at))
    return running or tuple(sorted(of_name, key=lambda item: item.started_at)[-1:])


def _is_name_of(turn: Turn, item: Subscription, form: str) -> bool:
    """With the SP behind it or without; normalising the text may have taken the last signs of it."""
    service = turn.catalogue.services[item.service_code]
    names = (service.name, label_of(turn.catalogue, item))
    return any(form in (name_key(name), name_key(name).rstrip(_ENDS), normalise(name).key) for name in names)


def _latest(turn: Turn, service_code: str) -> Subscription | None:
    """The one that runs, else the one that ended last."""
    of_service = [item for item in turn.account.subscriptions.values() if item.service_code == service_code]
    return turn.account.held(service_code, turn.at) or max(of_service, key=lambda item: item.started_at, default=None)
