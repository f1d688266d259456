"""Matters as they are stored."""

import pytest

from app.domain.matters import DeliveryOutcome, Matter, MatterKind, MessageOutcome

STORED = {
    "charge:2026-03:c.1/2": Matter(MatterKind.CHARGE, "2026-03:c.1", "2"),
    "order:0198-a/07": Matter(MatterKind.ORDER, "0198-a", "07"),
    "campaign:0198-b": Matter(MatterKind.CAMPAIGN, "0198-b"),
    "low-balance": Matter(MatterKind.LOW_BALANCE),
}


@pytest.mark.parametrize(("stored", "matter"), STORED.items())
def test_a_matter_is_read_as_it_is_stored(stored: str, matter: Matter) -> None:
    assert (str(matter), Matter.parse(stored)) == (stored, matter)


def test_nothing_else_is_a_matter() -> None:
    with pytest.raises(ValueError, match="weather"):
        Matter.parse("weather:1")


@pytest.mark.parametrize("matter", STORED.values())
def test_a_delivery_outcome_is_read_as_it_is_stored(matter: Matter) -> None:
    outcome = MessageOutcome(matter, DeliveryOutcome.FAILED)
    assert MessageOutcome.parse(outcome.data()) == outcome
