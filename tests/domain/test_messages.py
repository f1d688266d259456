"""Statuses and classes of messages (delivery.md 12)."""

from itertools import permutations, product

import pytest

from app.domain.matters import DeliveryOutcome, Matter, MatterKind, MessageOutcome
from app.domain.messages import (
    MAX_REPLY_TOKEN,
    VALIDITY,
    InboundMessage,
    Lane,
    MessageClass,
    OutboundStatus,
    is_final,
    keeps_quiet_hours,
    lane_of,
    status_after_report,
)

S = OutboundStatus
REPORTS = [S.ACCEPTED, S.DELIVERED, S.UNDELIVERED, S.EXPIRED, S.REJECTED, S.DELETED, S.FAILED, S.UNKNOWN]
IN_FLIGHT = [S.QUEUED, S.SENDING, S.UNKNOWN, S.ACCEPTED, S.FAILED, S.EXPIRED, S.SUPERSEDED]


def after(status: OutboundStatus, reports: tuple[OutboundStatus, ...]) -> OutboundStatus:
    for report in reports:
        status = status_after_report(status, report)
    return status


def test_reports_in_any_order_give_the_same_status() -> None:
    for status in IN_FLIGHT:
        for count in range(1, 6):
            ends: dict[tuple[OutboundStatus, ...], set[OutboundStatus]] = {}
            for reports in permutations(REPORTS, count):
                ends.setdefault(tuple(sorted(reports)), set()).add(after(status, reports))
            assert all(len(states) == 1 for states in ends.values())


def test_a_report_never_lowers_the_rank() -> None:
    order = [S.QUEUED, S.UNKNOWN, S.ACCEPTED, S.FAILED, S.DELETED, S.EXPIRED, S.REJECTED, S.UNDELIVERED, S.DELIVERED]
    for before, report in product(order, REPORTS):
        assert status_after_report(before, report) is max(before, report, key=order.index)
    assert [status_after_report(S.SUPERSEDED, report) for report in REPORTS] == [S.SUPERSEDED] * len(REPORTS)
    assert [status for status in S if is_final(status)] == [
        S.DELIVERED,
        S.UNDELIVERED,
        S.EXPIRED,
        S.REJECTED,
        S.DELETED,
        S.FAILED,
    ]


def test_lanes_quiet_hours_and_validity_of_classes() -> None:
    prompt = {kind for kind in MessageClass if lane_of(kind) is Lane.PROMPT}
    assert prompt == {MessageClass.REPLY, MessageClass.RESULT, MessageClass.CONFIRMATION}
    assert {kind for kind in MessageClass if not keeps_quiet_hours(kind)} == prompt
    hours = {kind.value: validity.total_seconds() / 3600 for kind, validity in VALIDITY.items()}
    assert hours == {"reply": 1 / 6, "result": 72, "confirmation": 1, "notice": 24, "care": 24, "marketing": 24}


# ---- the matters of messages, and their outcomes

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


def test_a_longer_reply_token_is_refused() -> None:
    InboundMessage("1", "13800138000", "10086", "0000", reply_token="x" * MAX_REPLY_TOKEN)
    with pytest.raises(ValueError, match="reply_token has more than 64 characters"):
        InboundMessage("1", "13800138000", "10086", "0000", reply_token="x" * (MAX_REPLY_TOKEN + 1))
