"""Rows become values by the names of columns, whatever their order."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, create_engine, literal_column, select

from app.db.readers import RowReader
from app.db.types import Instant
from app.domain.values import value

NOON = datetime(2026, 3, 2, 4, 0, 0, 123456, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


@value
class Price:
    fen: int
    unit: str | None


@value
class Thing:
    name: str
    colour: Colour
    shown: bool
    made_at: datetime
    price: Price
    ended_at: datetime | None = None
    marks: tuple[int, ...] | None = None


THING = Table(
    "thing",
    MetaData(),
    Column("ended_at", Instant),
    Column("unit", Text),
    Column("fen", Integer),
    Column("shown", Boolean),
    Column("marks", Text),
    Column("made_at", Instant),
    Column("colour", Text),
    Column("name", Text),
)


def read(reader: RowReader[Thing], *given: object) -> Thing:
    row = {"name": "a", "colour": "red", "shown": True, "made_at": NOON, "fen": 5, "unit": "month", "marks": "[1, 2]"}
    with create_engine("sqlite://").begin() as connection:
        THING.create(connection)
        connection.execute(THING.insert().values(row))
        found = connection.execute(select(*reader.columns, THING.c.unit)).one()
        assert found[-1] == "month", "columns may follow those of the value"
        return reader.read(found, *given)


def test_each_field_is_read_from_the_column_of_its_name() -> None:
    found = read(RowReader(Thing, THING, price=RowReader(Price, THING)))
    assert found == Thing("a", Colour.RED, shown=True, made_at=NOON, price=Price(5, "month"), marks=(1, 2))
    assert found.shown is True
    assert type(found.colour) is Colour


def test_a_field_can_come_from_an_expression_or_be_none_in_every_row() -> None:
    price = RowReader(Price, THING, fen=THING.c.fen + 1, unit=None)
    found = read(RowReader(Thing, THING, price=price, name=literal_column("'b'"), ended_at=THING.c.made_at))
    assert (found.name, found.ended_at, found.price) == ("b", NOON, Price(6, None))


def test_a_field_can_be_given_beside_the_row() -> None:
    assert read(RowReader(Thing, THING, "name", "marks", price=None), "c", (3,)).name == "c"


def test_a_field_without_a_column_is_refused_when_the_reader_is_built() -> None:
    with pytest.raises(LookupError, match="price"):
        RowReader(Thing, THING)
    with pytest.raises(LookupError, match="cost"):
        RowReader(Thing, THING, price=None, cost=THING.c.fen)


def test_a_value_that_the_enum_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError):
        read(RowReader(Thing, THING, price=None, colour=literal_column("'green'", Text)))
