"""Checks of the names of SPs and services: none may read as a command or an answer (safety.md 29)."""

from collections.abc import Iterable, Iterator

from app.commands.parser import (
    is_all,
    name_key,
    normalise,
    parse_offer,
    parse_origin_question,
    parse_pick,
    refuses_marketing,
)
from app.commands.registry import Registry, Takes
from app.domain import names
from app.domain.catalogue import Service

_RESERVED = "must not be as a whole what customers answer or command with"


def name_violation(registry: Registry, name: str) -> str | None:
    """Return what is wrong with a name, as the end of a sentence; None if it is fine."""
    return names.name_violation(name) or (_RESERVED if _is_reserved(registry, name) else None)


def _is_reserved(registry: Registry, name: str) -> bool:
    said = normalise(names.as_read(name))
    is_number = bool(parse_pick(said)) or parse_offer(said) is not None or parse_origin_question(said) is not None
    is_word = registry.is_keyword(said) or refuses_marketing(said)
    return said.is_yes or said.is_no or is_all(said) or is_number or is_word


def confusable_service(registry: Registry, service: Service, others: Iterable[Service]) -> Service | None:
    """Return another service whose order keyword reads as this one's name, or the other way round (QXCL, CL)."""
    own = set(_keywords_in(registry, service.name))
    for other in others:
        theirs: set[str | None] = {*_keywords_in(registry, other.name)}
        if other.service_code != service.service_code and (
            other.order_keyword in own or service.order_keyword in theirs
        ):
            return other
    return None


def _keywords_in(registry: Registry, name: str) -> Iterator[str]:
    """Yield the order keywords that a name can be read as: all of it, and the rest behind a word such as QX or KT."""
    key = name_key(name)
    yield key
    for prefix, command in registry.prefixes.items():
        if command.takes is Takes.WORD and key.startswith(prefix):
            yield key.removeprefix(prefix)
