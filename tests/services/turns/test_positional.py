"""The states of questions are stored as arrays, and read as they were."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import collecting
from app.domain.dialogue import QuestionState
from app.domain.values import value
from app.services.turns.positional import PositionalFormat

NOON = datetime(2026, 3, 2, 4, 0, 0, 123456, tzinfo=UTC)
STATES = list(collecting.load({}).questions)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


@value
class Item:
    number: int
    name: str | None = None


@value
class Thing:
    items: tuple[Item, ...]
    best: Item | None = None
    names: tuple[str, ...] = ()
    at: datetime | None = None
    again: bool = False


@value
class Nothing:
    pass


THING = PositionalFormat(Thing)


@pytest.mark.parametrize(
    ("thing", "stored"),
    [
        (Thing(()), "[[]]"),
        (Thing((Item(1, "彩铃"), Item(2))), '[[[1,"彩铃"],[2]]]'),
        (Thing((), names=("a", "b")), '[[],null,["a","b"]]'),
        (Thing((), best=Item(3)), "[[],[3]]"),
        (Thing((), at=NOON), '[[],null,[],"2026-03-02T04:00:00.123456Z"]'),
        (Thing((), again=True), "[[],null,[],null,true]"),
    ],
)
def test_a_value_is_the_array_of_its_fields_without_the_defaults_at_the_end(thing: Thing, stored: str) -> None:
    assert THING.dump(thing) == stored
    assert THING.load(stored) == thing


def test_a_value_without_fields_is_an_empty_array() -> None:
    nothing = PositionalFormat(Nothing)

    assert nothing.dump(Nothing()) == "[]"
    assert nothing.load("[]") == Nothing()


@pytest.mark.parametrize(
    "stored",
    ["", "null", "[]", "{}", '{"items": []}', '[["x"]]', "[[], 5]", '[[["x"]]]', "[[], null, [], null, false, 1]"],
)
def test_anything_else_is_refused(stored: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        THING.load(stored)


@pytest.mark.parametrize("kind", STATES, ids=lambda kind: kind.kind)
@given(data=st.data())
def test_the_state_of_every_kind_of_question_is_read_as_it_was(kind: type[QuestionState], data: st.DataObject) -> None:
    stored = PositionalFormat(kind)
    state = data.draw(st.from_type(kind))

    assert stored.load(stored.dump(state)) == state
