"""Ids are integers in the order of time, unique by a worker number, each greater than the one before (ADR 4)."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.domain.ids import first_at, is_id
from app.domain.storage import StorageUnavailableError
from app.services.ids import IdSource

NOW = datetime(2026, 3, 2, 2, 0, 0, 123_999, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Freeze the machine's clock."""
    nanoseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds)


def parts_of(text: str) -> tuple[int, int, int]:
    """Return milliseconds, counter and worker number."""
    number = int(text)
    return number >> 20, number >> 10 & 1023, number & 1023


def test_an_id_is_the_millisecond_a_counter_and_the_worker_number(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    source = IdSource(worker=7)

    assert [parts_of(next(source)) for _ in range(2)] == [(1772416800123, 0, 7), (1772416800123, 1, 7)]


def test_ids_of_this_and_the_next_two_centuries_sort_as_their_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for year in (2026, 2127, 2241):
        at(monkeypatch, NOW.replace(year=year))
        found.append(next(IdSource()))

    assert {len(text) for text in found} == {19}
    assert sorted(found) == found
    assert all(map(is_id, found))


def test_ids_grow_within_a_millisecond_and_while_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    source = IdSource()
    found: list[str] = []
    for moment in (NOW, NOW, NOW - timedelta(seconds=1), NOW + MILLISECOND):
        at(monkeypatch, moment)
        found += [next(source) for _ in range(300)]

    assert all(one < later for one, later in pairwise(found))
    assert parts_of(found[-1])[0] == parts_of(found[0])[0] + 1


def test_more_ids_than_the_counter_has_borrow_from_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    source = IdSource(worker=1023)
    found = [next(source) for _ in range(2000)]

    assert all(one < later for one, later in pairwise(found))
    assert parts_of(found[1024]) == (parts_of(found[0])[0] + 1, 0, 1023)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=3)])
@pytest.mark.parametrize("of_worker", [0, 5, 1023])
def test_ids_follow_the_newest_that_is_stored(
    monkeypatch: pytest.MonkeyPatch, ahead: timedelta, of_worker: int
) -> None:
    at(monkeypatch, NOW)
    stored = str(first_at(NOW + ahead) | 9 << 10 | of_worker)
    source = IdSource(worker=5)
    source.start_after(stored)
    found = [next(source) for _ in range(100)]

    assert all(one < later for one, later in pairwise([stored, *found]))
    assert {parts_of(text)[2] for text in found} == {5}


def test_starting_after_an_older_id_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    source = IdSource()
    last = next(source)
    source.start_after(str(first_at(NOW - MILLISECOND)))

    assert int(next(source)) == int(last) + 1024


def test_sources_with_different_numbers_make_different_ids_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    found = [next(source) for source in (IdSource(0), IdSource(1), IdSource(2)) for _ in range(3)]

    assert len(set(found)) == 9


def test_threads_that_share_a_source_get_different_ids() -> None:
    source = IdSource()
    with ThreadPoolExecutor(4) as threads:
        found = [text for some in threads.map(lambda _: [next(source) for _ in range(5000)], range(4)) for text in some]

    assert len(set(found)) == 20_000


def test_no_id_is_made_without_a_number_or_after_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    source = IdSource(leased=True)
    with pytest.raises(StorageUnavailableError):
        next(source)

    source.hold(3, NOW, NOW + timedelta(minutes=2))
    first = next(source)
    at(monkeypatch, NOW + timedelta(minutes=2))
    with pytest.raises(StorageUnavailableError):
        next(source)
    # A clock that was set back, or ids that ran ahead of it, do not reach beyond the lease either.
    at(monkeypatch, NOW)
    source.start_after(str(first_at(NOW + timedelta(minutes=3))))
    with pytest.raises(StorageUnavailableError):
        next(source)

    source.hold(2, NOW, NOW + timedelta(minutes=5))
    assert parts_of(next(source))[2] == 2
    assert next(source) > first


def test_the_next_holder_of_a_number_makes_none_of_its_ids_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if its own clock is set back after it took the number."""
    at(monkeypatch, NOW)
    one, other = IdSource(leased=True), IdSource(leased=True)
    one.hold(0, NOW, NOW + timedelta(minutes=2))
    at(monkeypatch, NOW + timedelta(minutes=2) - MILLISECOND)
    found = [next(one) for _ in range(1024)]
    other.hold(0, NOW + timedelta(minutes=2), NOW + timedelta(minutes=4))

    assert next(other) > max(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1858513718476800000", True),
        ("8999999999999999999", True),
        ("9223372036854775808", False),
        ("0858513718476800000", False),
        ("185851371847680000", False),
        ("18585137184768000000", False),
        ("1858513718476800000\n", False),
        ("１８５８５１３７１８４７６８０００００", False),
        ("019caae3-6980-7c21-9d5e-4b1f6f0a2c01", False),
        ("", False),
    ],
)
def test_only_what_fits_into_the_database_is_taken_for_an_id(text: str, expected: bool) -> None:  # noqa: FBT001  a case
    assert is_id(text) is expected
