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


# From narrow to wide: a test that uses one of them gets its other fixtures from the same gateway. The classes are those
# of the nodes whose marks such a fixture follows; there is none for a whole run.
WIDER: Mapping[str, type[pytest.Collector] | None] = {
    "smsgw_class": pytest.Class,
    "smsgw_module": pytest.Module,
    "smsgw_session": None,
}
# What a gateway begins with: only marks that are there when it begins can say it.
_OF_BEGINNING = ("fixture", "now", "config")


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


def check(item: pytest.Item | pytest.Class) -> None:
    """Raise CollectError for a mark with a word or value that it does not have, or one that would have no effect."""
    _ = getattr(item, "obj", None)  # pytest reads the marks of a class when this is asked for
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
    if isinstance(item, pytest.Item):
        _check_wider(item)


def _check_wider(item: pytest.Item) -> None:
    """Raise CollectError if marks say how a gateway begins that a wider fixture has begun before."""
    names = getattr(item, "fixturenames", ())
    wider = next((name for name in WIDER if name in names), None)
    if wider is None:
        return
    level = WIDER[wider]
    owner = item.getparent(level) if level is not None else item.session
    if owner is None:
        return  # a function outside of classes is its own
    followed = list(owner.iter_markers(MARK))
    for mark in item.iter_markers(MARK):
        ignored = [word for word in _OF_BEGINNING if word in mark.kwargs and mark not in followed]
        if ignored:
            where = "the module (pytestmark)" if level is pytest.Module else "the class or module"
            mend = (
                f"say it in a mark of {where}" if level is not None else "set it for the run, in the settings of pytest"
            )
            raise pytest.Collector.CollectError(
                f"{item.nodeid}: @pytest.mark.{MARK}({ignored[0]}=…) has no effect, as the test uses {wider}, "
                f"whose gateway has begun before; {mend}, or use the fixture smsgw"
            )


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or value == "real":
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
