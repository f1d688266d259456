"""Texts that begin with a keyword and go on: ``QXCL``, ``ZD#202610``, ``TS 内容`` (flows.md 3, 4)."""

import re
from collections.abc import Iterator

from app.commands.parser import Said
from app.commands.registry import Command, Registry, Takes
from app.commands.vocabulary import ARGUMENT_MARKS, BEHIND_KEYWORD
from app.domain.names import order_keyword_violation
from app.domain.turn import Turn

# A command, and the argument behind its keyword.
KeywordMatch = tuple[Command, str]
# Two Latin letters in a row: the keyword and what follows may be one word.
_LATIN_WORD = re.compile(r"[A-Z]{2}")
_BEFORE_ARGUMENT = " +"


def match_keyword(registry: Registry, said: Said) -> KeywordMatch | None:
    """Return the command whose keyword a text begins with, and the argument; None if there is no such command."""
    for keyword, argument in _splits(said.words):
        command = registry.prefixes.get("".join(keyword.split()))
        if command is not None and command.takes is Takes.ARGUMENTS:
            return command, argument
    for length in range(min(len(said.key), registry.longest_prefix), 0, -1):
        command = registry.prefixes.get(said.key[:length])
        if command is None or command.takes is Takes.ARGUMENTS:
            continue
        if command.takes.word:
            return command, said.key[length:].lstrip(ARGUMENT_MARKS)
        rest = _rest_after(said.words, length)
        if command.takes is Takes.ANYTHING or not _LATIN_WORD.match(said.key[length - 1] + rest):
            return command, rest.lstrip(_BEFORE_ARGUMENT)
    return None


def match_command(turn: Turn, registry: Registry, said: Said) -> KeywordMatch | None:
    """Return what ``match_keyword`` does, but None for a word that a command which takes known words does not know."""
    match = match_keyword(registry, said)
    if match is not None and match[0].takes is Takes.KNOWN_WORD and not argument_is_known(turn, match):
        return None
    return match


def _rest_after(words: str, length: int) -> str:
    """Return what follows the first ``length`` characters, not counting white space."""
    place = 0
    while length:
        length -= not words[place].isspace()
        place += 1
    return words[place:]


def _splits(words: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to split a text into keyword and argument: at each mark, then at the first white space."""
    for mark in ARGUMENT_MARKS:
        if mark in words:
            head, _, tail = words.partition(mark)
            yield head, tail
    parts = words.split(maxsplit=1)
    if len(parts) > 1:
        yield parts[0], parts[1].lstrip(ARGUMENT_MARKS)


def argument_is_known(turn: Turn, match: KeywordMatch) -> bool:
    """Return True if the command knows the argument, for example as the name of a service that the subscriber has."""
    command, argument = match
    return not command.takes.word or (command.knows is not None and command.knows(turn, argument))


def is_command(turn: Turn, match: KeywordMatch) -> bool:
    """Return True if the text is meant as a command, even a wrong one: QXABC is one, 退订不了 is not."""
    return order_keyword_violation(match[1].rstrip(BEHIND_KEYWORD)) is None or argument_is_known(turn, match)
