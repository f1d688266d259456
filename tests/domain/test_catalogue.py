"""Current and former prices of services."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.commands.world import CATALOGUE, shanghai

BEGAN = shanghai("2026-03-02 10:00")
PRICES = st.lists(st.integers(0, 9), min_size=1, max_size=130)


@given(PRICES)
def test_a_former_price_is_exact_or_at_most_lower(prices: list[int]) -> None:
    """The price changes every hour; only the last 100 former prices are stored."""
    service = replace(CATALOGUE.services["GS"], price_fen=prices[0])
    for hour, fen in enumerate(prices[1:], start=1):
        service = replace(service, price_fen=fen, past_prices=()).replacing(service, 1, BEGAN + timedelta(hours=hour))
    assert len(service.past_prices) <= 100
    for hour, fen in enumerate(prices):
        shown = {service.price_at(BEGAN + timedelta(hours=hour, minutes=minutes)) for minutes in (0, 59)}
        assert shown == {fen} if hour > len(prices) - 100 else max(shown) <= fen
    assert service.price_at(BEGAN - timedelta(days=400)) <= prices[0]


def test_only_a_change_of_the_price_stores_a_former_price() -> None:
    before = CATALOGUE.services["GS"]
    assert replace(before, visible=False).replacing(before, 1, BEGAN).past_prices == ()
    assert before.replacing(None, 1, BEGAN) == before
