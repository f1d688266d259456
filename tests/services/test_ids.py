"""Ids are UUIDs of version 7, each greater than the one before."""

import time
import uuid
from itertools import pairwise

import pytest

from app.services.ids import IdSource


def at(monkeypatch: pytest.MonkeyPatch, milliseconds: int) -> None:
    """Freeze the machine's clock."""
    monkeypatch.setattr(time, "time_ns", lambda: milliseconds * 1_000_000)


def milliseconds_of(text: str) -> int:
    return int(text.replace("-", "")[:12], 16)


def test_an_id_is_a_uuid_of_the_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    text = next(IdSource())
    found = uuid.UUID(text)

    assert str(found) == text
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert before <= milliseconds_of(text) <= time.time_ns() // 1_000_000


def test_ids_grow_within_a_millisecond_and_while_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    source = IdSource()
    found: list[str] = []
    for milliseconds in (5000, 5000, 4000, 5001):
        at(monkeypatch, milliseconds)
        found += [next(source) for _ in range(1000)]

    assert all(one < later for one, later in pairwise(found))
    assert milliseconds_of(found[-1]) == 5001


@pytest.mark.parametrize(
    "stored",
    [
        "00000000-1388-7000-8000-000000000000",
        "00000000-1388-7abc-bfff-ffffffffffff",
        "00000000-1388-7fff-bfff-ffffffffffff",
        "7fffffff-ffff-7000-8000-000000000000",
    ],
)
def test_ids_follow_the_newest_that_is_stored(monkeypatch: pytest.MonkeyPatch, stored: str) -> None:
    at(monkeypatch, 0x1388)
    source = IdSource(stored)
    found = [next(source) for _ in range(100)]

    assert all(one < later for one, later in pairwise([stored, *found]))
    assert {uuid.UUID(text).version for text in found} == {7}
    assert {uuid.UUID(text).variant for text in found} == {uuid.RFC_4122}


def test_starting_after_an_older_id_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 5000)
    source = IdSource()
    last = next(source)
    source.start_after("00000000-0001-7000-8000-000000000000")

    assert next(source) > last
