"""``@pytest.mark.smsgw(…)``: what a test, class or module wants of its gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

MARK = "smsgw"
DESCRIPTION = (
    f"{MARK}(fixture=…, now=…, config={{…}}, strict=…): the gateway of this test: its customers ('demo' or None), "
    "where its clock stands (or 'real'), settings in place of those of the run, and whether trouble is an error"
)
_WORDS = ("fixture", "now", "config", "strict")
_LIKE: Mapping[str, tuple[tuple[type, ...], str]] = {
    "fixture": ((str, type(None)), "'demo' or None"),
    "now": ((str, datetime), "a time such as '2026-12-31T23:59:00', or 'real'"),
    "config": ((dict, str, Path), "settings by name, or a settings file"),
    "strict": ((bool,), "True or False"),
}


@dataclass(frozen=True)
class Wanted:
    """What the marks of a test say; a word that is not there is not in ``words``."""

    words: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, node: pytest.Item | pytest.Collector) -> "Wanted":
        """Return what the marks of a test say, the nearest first."""
        found: dict[str, object] = {}
        for mark in reversed(list(node.iter_markers(MARK))):
            found |= mark.kwargs
        return cls(found)


def check(item: pytest.Item) -> None:
    """Raise CollectError for a mark with a word or value that it does not have."""
    for mark in item.iter_markers(MARK):
        if mark.args:
            raise pytest.Collector.CollectError(
                f"{item.nodeid}: @pytest.mark.{MARK} takes words only: {', '.join(_WORDS)}"
            )
        for word, value in mark.kwargs.items():
            if word not in _LIKE:
                raise pytest.Collector.CollectError(
                    f"{item.nodeid}: @pytest.mark.{MARK} knows no {word!r}; there are: {', '.join(_WORDS)}"
                )
            kinds, like = _LIKE[word]
            if not isinstance(value, kinds) or (word == "now" and not _is_time(value)):
                raise pytest.Collector.CollectError(
                    f"{item.nodeid}: @pytest.mark.{MARK}({word}={value!r}): give {like}"
                )


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or value == "real":
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
