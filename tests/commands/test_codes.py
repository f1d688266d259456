"""Codes mean nothing else to the subscriber (safety.md 7)."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from app.commands.codes import draw_code
from app.domain.orders import Order
from tests.commands.charges.charging import announce, charge_of, code
from tests.commands.transcript import Conversation, policy
from tests.commands.world import CATALOGUE


def _lowest(conversation: Conversation) -> Conversation:
    """Make the conversation draw the lowest code that is free."""
    conversation.randbelow = lambda sides: 0 * sides  # type: ignore[method-assign]
    return conversation


def _order_code(conversation: Conversation) -> str | None:
    """Return the code of the newest order."""
    return conversation.account.records_of(Order)[-1].code


@pytest.mark.parametrize("alias", ["1000", "１０００", " 1000。", "①000"])
def test_no_code_is_an_alias_however_it_is_written(alias: str) -> None:
    settings = policy(confirm_mode="code", aliases={alias: "0000"})
    conversation = _lowest(Conversation(policy=settings))
    announce(conversation, "c-1", "SJB", 300, "2026-04-20 10:00")
    assert code(conversation, "c-1") == "1001"
    conversation.play("> KTYS")
    assert _order_code(conversation) == "1002"


def test_no_code_is_a_keyword() -> None:
    conversation = _lowest(Conversation(policy=policy(confirm_mode="code")))
    conversation.randbelow = lambda sides: 111 if sides == 9000 else 0  # type: ignore[method-assign]
    announce(conversation, "c-1", "SJB", 300, "2026-04-20 10:00")
    assert code(conversation, "c-1") == "1112"


def test_no_code_is_the_code_of_a_charge_that_is_open_however_long() -> None:
    conversation = _lowest(Conversation(policy=policy(confirm_mode="code")))
    announce(conversation, "c-1", "SJB", 300, "2026-04-20 10:00")
    conversation.play("@ +30d")
    assert charge_of(conversation, "c-1").is_open
    conversation.play("> KTYS")
    assert (code(conversation, "c-1"), _order_code(conversation)) == ("1000", "1001")


def test_no_code_is_one_that_an_order_had_before_it_was_asked_about_again() -> None:
    conversation = _lowest(Conversation(policy=policy(confirm_mode="code")))
    conversation.play("> KTYS")
    conversation.catalogue = replace(
        CATALOGUE, services={**CATALOGUE.services, "YS": replace(CATALOGUE.services["YS"], price_fen=900)}
    )
    conversation.play("> 1000")
    assert _order_code(conversation) == "1001"
    announce(conversation, "c-1", "SJB", 300, "2026-04-20 10:00")
    assert code(conversation, "c-1") == "1002"


def test_a_code_is_given_again_seven_days_after_its_charge_ended() -> None:
    conversation = _lowest(Conversation())
    announce(conversation, "c-1", "SJB", 300, "2026-03-20 10:00")
    conversation.play("@ +26d")
    charge = charge_of(conversation, "c-1")
    assert not charge.is_open
    assert charge.window_ends_at is not None
    assert conversation.now - charge.window_ends_at > timedelta(days=7)
    announce(conversation, "c-2", "SJB", 300, "2026-05-20 10:00")
    assert code(conversation, "c-2") == "1000"


def test_new_codes_are_found_until_all_are_taken() -> None:
    taken: set[str] = set()
    randbelow = random.Random(9000)
    for count in range(9000):
        taken.add(draw_code(randbelow.randrange, taken.__contains__))
        assert len(taken) == count + 1
    assert taken == {str(number) for number in range(1000, 10_000)}
    with pytest.raises(LookupError):
        draw_code(lambda _: 0, taken.__contains__)


def test_the_search_for_a_code_wraps_around() -> None:
    assert draw_code(lambda n: n - 1, "9999".__eq__) == "1000"
    all_but_one = {str(number) for number in range(1000, 10_000)} - {"9998"}
    assert draw_code(lambda n: n - 1, all_but_one.__contains__) == "9998"
