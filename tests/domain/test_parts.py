"""Which parts of long messages belong together (delivery.md 6)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.parts import Part, PartSet, SortedParts, earliest_repeatable, joined_text, sort_parts
from tests.commands.world import shanghai

NOW = shanghai("2026-03-02 10:00")
KEY = ("carrier", "10086", "7", 3)


def part(number: int, text: str, *, seconds: float = 0, total: int = 3, ref: str = "7", **more: object) -> Part:
    key = ("carrier", "10086", ref, total)
    at = NOW + timedelta(seconds=seconds)
    # Whatever else a test wants to set, of any type.
    return Part(f"id-{seconds:09.3f}-{number}-{text}", key, number, text, text, at, **more)  # type: ignore[arg-type]


def summary(result: SortedParts) -> tuple[list[tuple[str, int]], list[str]]:
    return [(group.text, group.missing) for group in result.sets], [part.text for part in result.repeats]


A, B, C = (part(number, text, seconds=number) for number, text in enumerate("abc", 1))


@pytest.mark.parametrize(
    ("parts", "sets", "repeats"),
    [
        ([], [], []),
        ([A], [("a", 2)], []),
        ([C, A], [("ac", 1)], []),
        ([B, C, A], [("abc", 0)], []),
        ([A, A, B, C], [("abc", 0)], ["a"]),
        ([A, B, C, C, A], [("abc", 0)], ["c", "a"]),
        # Another text with a number that has arrived begins another message; a part goes to the oldest that lacks it.
        ([A, part(1, "x", seconds=2), B, C], [("abc", 0), ("x", 2)], []),
        ([A, part(1, "x"), B, part(2, "y"), part(3, "z"), C], [("abz", 0), ("xyc", 0)], []),
        # The reference of a complete message can be used again.
        ([A, B, C, part(1, "x", seconds=9)], [("abc", 0), ("x", 2)], []),
        # Another reference or number of parts is another message.
        ([A, part(2, "b", ref="8"), part(2, "b", total=2)], [("a", 2), ("b", 2), ("b", 1)], []),
        # After the deadline a part begins another message.
        ([A, part(2, "b", seconds=302), part(3, "c", seconds=303)], [("a", 2), ("bc", 1)], []),
        ([A, part(2, "b", seconds=301), part(3, "c", seconds=301)], [("abc", 0)], []),
        # The same part is a repeat within an hour only.
        ([A, B, C, part(1, "a", seconds=3602)], [("abc", 0), ("a", 2)], []),
        ([A, B, C, part(1, "a", seconds=3601)], [("abc", 0)], ["a"]),
    ],
)
def test_parts_are_sorted_into_messages_and_repeats(
    parts: list[Part], sets: list[tuple[str, int]], repeats: list[str]
) -> None:
    assert summary(sort_parts(parts)) == (sets, repeats)


def test_joined_parts_show_repeats_for_an_hour_by_their_stored_text() -> None:
    joined = [replace(A, shown="*", text="*"), B]
    again = part(1, "secret", seconds=3600)
    assert summary(sort_parts([replace(again, shown="*")], joined)) == ([], ["secret"])
    assert summary(sort_parts([replace(again, shown="*", waits=True)], joined)) == ([("secret", 2)], [])
    assert summary(sort_parts([replace(again, shown="#")], joined)) == ([("secret", 2)], [])
    assert summary(sort_parts([part(2, "b", seconds=3603)], joined)) == ([("b", 2)], [])
    assert earliest_repeatable([part(1, "a").at]) == NOW - timedelta(hours=1)


def test_five_minutes_count_from_the_first_part() -> None:
    assert PartSet((C, replace(A, at=NOW))).deadline == NOW + timedelta(minutes=5)


def test_a_character_that_was_cut_in_two_is_whole_again() -> None:
    assert joined_text(["好\ud83d", "\ude00", "\ud83d"]) == "好😀\ud83d"
    assert joined_text(["\ufeffa", "b"]) == "\ufeffab"
    assert joined_text([]) == ""


# ---- properties

SENDERS = st.sampled_from("123")
MESSAGES = st.lists(
    st.tuples(SENDERS, st.lists(st.text("甲乙ab", max_size=3), min_size=2, max_size=6)), max_size=4, unique_by=lambda one: (one[0], len(one[1]))
)  # fmt: skip


@given(MESSAGES, st.data())
def test_in_any_order_interleaved_and_repeated_every_message_is_what_was_sent(
    messages: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    sent = [
        part(number, text, ref=ref, total=len(texts)) for ref, texts in messages for number, text in enumerate(texts, 1)
    ]
    repeats = data.draw(st.lists(st.sampled_from(sent), max_size=5)) if sent else []
    came = data.draw(st.permutations([*sent, *repeats]))
    found = sort_parts(came)
    assert sorted(group.text for group in found.sets) == sorted("".join(texts) for _, texts in messages)
    assert all(group.missing == 0 for group in found.sets)
    assert len(found.repeats) == len(repeats)


STREAM = st.lists(
    st.builds(
        part,
        st.integers(1, 3),
        st.sampled_from(["", "a", "b"]),
        ref=SENDERS,
        seconds=st.integers(0, 9000),
    ),
    max_size=25,
).map(lambda parts: sorted(parts, key=lambda one: one.at))


@given(STREAM)
def test_no_part_is_lost_or_used_twice(parts: list[Part]) -> None:
    found = sort_parts(parts)
    used = [one for group in found.sets for one in group.parts] + list(found.repeats)
    assert Counter(map(id, used)) == Counter(map(id, parts))
    for group in found.sets:
        numbers = [one.number for one in group.parts]
        assert len(numbers) == len(set(numbers)) == 3 - group.missing
        assert len({one.key for one in group.parts}) == 1


@given(STREAM)
def test_sorting_step_by_step_gives_the_same_as_sorting_at_once(parts: list[Part]) -> None:
    """Sorting as parts arrive and messages are joined gives the same result as sorting all parts at the end."""
    waiting: list[Part] = []
    joined: list[Part] = []
    done: list[tuple[str, int]] = []
    for one in [*parts, None]:
        now = one.at if one else NOW + timedelta(days=1)
        waiting += [one] if one else []
        found = sort_parts(waiting, joined)
        over = [group for group in found.sets if group.missing == 0 or group.deadline < now]
        done += [(group.text, group.missing) for group in over]
        gone = {id(part) for group in over for part in group.parts} | {id(part) for part in found.repeats}
        joined += [part for group in over for part in group.parts]
        waiting = [replace(part, waits=True) for part in waiting if id(part) not in gone]
    at_once = sort_parts(parts)
    assert sorted(done) == sorted((group.text, group.missing) for group in at_once.sets)
