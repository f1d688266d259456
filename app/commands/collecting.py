"""Build the registry from the marks of the decorators.

``load`` imports all modules of ``app.commands``. A keyword, question, timer or call marked twice stops the start.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TypeVar

from app.commands.parser import is_all, normalise, parse_pick
from app.commands.reading import Reader
from app.commands.registry import MARKS, Command, Mark, Registry, Takes

# The highest number that a listing may have.
_LAST_PICK = 99
_K = TypeVar("_K")
_V = TypeVar("_V")


def collect(modules: Iterable[ModuleType], aliases: Mapping[str, str]) -> Registry:
    """Return the registry of everything marked in ``modules``; ``aliases`` map new keywords to known ones.

    Raise ValueError for a key that is marked twice, and for an alias of an unknown keyword or one that reads as an
    answer to a question.
    """
    registry = Registry()
    commands: list[Command] = []
    for module in modules:
        for function in vars(module).values():
            if getattr(function, "__module__", None) != module.__name__:
                continue
            for mark in getattr(function, MARKS, ()):
                _file(registry, commands, mark)
    for alias, keyword in aliases.items():
        _add_alias(registry, alias, keyword)
    registry.longest_prefix = max(map(len, registry.prefixes), default=0)
    texts = [word for word, entry in registry.prefixes.items() if entry.takes is Takes.TEXT]
    registry.reader = Reader.of(registry.keywords, registry.prefixes, texts)
    registry.menu = tuple(entry.menu for entry in sorted(commands, key=lambda entry: entry.rank) if entry.menu)
    return registry


def _file(registry: Registry, commands: list[Command], mark: object) -> None:
    match mark:
        case Command():
            commands.append(mark)
            for word in mark.keywords:
                if not mark.takes.word:
                    _add(registry.keywords, word, mark)
                if mark.takes is not Takes.NOTHING:
                    _add(registry.prefixes, word, mark)
        case Mark():
            _add(getattr(registry, mark.table), mark.key, mark.entry)


def _add(table: dict[_K, _V], key: _K, value: _V) -> None:
    if key in table:
        raise ValueError(f"{key!r} is taken twice among the commands: by {table[key]} and {value}")
    table[key] = value


def _add_alias(registry: Registry, alias: str, keyword: str) -> None:
    known = registry.keywords.get(normalise(keyword).key)
    if known is not None and known.takes is Takes.ANYTHING:
        raise ValueError(f"aliases: {keyword!r} has none: what follows an alias would be stored as it came")
    if known is None:
        raise ValueError(f"aliases: {alias!r} stands for {keyword!r}, which is not a keyword of this gateway")
    said = normalise(alias)
    if said.is_yes or said.is_no or is_all(said) or any(span.first <= _LAST_PICK for span in parse_pick(said) or ()):
        raise ValueError(f"aliases: {alias!r} is an answer to questions and cannot be a keyword")
    if registry.keywords.get(said.key) is not known:
        _add(registry.keywords, said.key, known)
        if known.takes is not Takes.NOTHING:
            _add(registry.prefixes, said.key, known)


def load(aliases: Mapping[str, str]) -> Registry:
    """Import every module of ``app.commands`` and return the registry of its marks."""
    package = importlib.import_module("app.commands")
    names = sorted(module.name for module in pkgutil.walk_packages(package.__path__, "app.commands."))
    return collect((importlib.import_module(name) for name in names), aliases)
