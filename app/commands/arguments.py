"""Keywords with something behind them: ``QXCL``, ``ZD#202610``, ``TS 内容`` (flows.md 3, 4)."""

import re
from collections.abc import Iterator

from app.commands.parser import Said
from app.commands.registry import Command, Registry, Takes
from app.commands.vocabulary import ARGUMENT_MARKS, BEHIND_KEYWORD
from app.domain.names import order_keyword_violation
from app.domain.turn import Turn

# A command, and what stands behind its keyword.
KeywordMatch = tuple[Command, str]
# A letter that another one is joined to.
_LATIN_WORD = re.compile(r"[A-Z]{2}")
_NOTHING = " +"


def with_arguments(registry: Registry, said: Said) -> KeywordMatch | None:
    """A keyword with something behind it: ``QXCL``, ``ZD#202610``, ``TS 内容``."""
    for keyword, argument in _splits(said.words):
        entry = registry.prefixes.get("".join(keyword.split()))
        if entry is not None and entry.takes is Takes.ARGUMENTS:
            return entry, argument
    for length in range(min(len(said.key), registry.longest_prefix), 0, -1):
        entry = registry.prefixes.get(said.key[:length])
        if entry is None or entry.takes is Takes.ARGUMENTS:
            continue
        if entry.takes is Takes.WORD:
            return entry, said.key[length:].lstrip(ARGUMENT_MARKS)
        behind = _behind(said.words, length)
        if entry.takes is Takes.ANYTHING or not _LATIN_WORD.match(said.key[length - 1] + behind):
            return entry, behind.lstrip(_NOTHING)
    return None


def _behind(words: str, length: int) -> str:
    """What follows that many characters, white space not counted."""
    place = 0
    while length:
        length -= not words[place].isspace()
        place += 1
    return words[place:]


def _splits(words: str) -> Iterator[tuple[str, str]]:
    for mark in ARGUMENT_MARKS:
        if mark in words:
            head, _, tail = words.partition(mark)
            yield head, tail
    parts = words.split(maxsplit=1)
    if len(parts) > 1:
        yield parts[0], parts[1].lstrip(ARGUMENT_MARKS)


def is_known(turn: Turn, found: KeywordMatch) -> bool:
    """Whether what stands behind a keyword means something there, as the name of a service that she has."""
    entry, argument = found
    return entry.takes is not Takes.WORD or (entry.knows is not None and entry.knows(turn, argument))


def means_something(turn: Turn, found: KeywordMatch) -> bool:
    """Whether a keyword with something behind it is a command: QXABC is one, if a wrong one, and 退订不了 is not."""
    return order_keyword_violation(found[1].rstrip(BEHIND_KEYWORD)) is None or is_known(turn, found)
