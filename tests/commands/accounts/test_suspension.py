"""Notices before a suspension (flows.md 16, 17; safety.md 18)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.suspension import AnnounceSuspension, CallOffSuspension
from app.domain.account import Language, Payment, Subscriber, SubscriberStatus
from app.domain.matters import Matter, MatterKind
from app.domain.refusals import RefusalReason
from app.domain.suspension import Suspension
from tests.commands.refusals import CONFLICT, INVALID, UNKNOWN
from tests.commands.transcript import Conversation, Sent, policy
from tests.commands.world import FOUR, SUBSCRIBER, shanghai

POSTPAID = replace(SUBSCRIBER, payment=Payment.POSTPAID)
LOW = "您好！截至{as_of}，您的话费余额为{balance}，已低于10元。为免停机，请及时充值。查询余额请发送YE到10086。中国移动"
STOP = "您好！您的号码将于{when}停机。为免停机，请在此之前缴清费用；如已缴费，请忽略本短信。查询余额请发送YE到10086。中国移动"


def patch(**fields: object) -> SetSubscriber:
    return SetSubscriber("api:billing", frozenset(fields), create=False, **fields)  # type: ignore[arg-type]


def put(subscriber: Subscriber, **fields: object) -> SetSubscriber:
    names = ("brand", "vip", "payment", "balance_fen", "points", "status", "language", "plan")
    values = {name: getattr(subscriber, name) for name in names} | fields
    return SetSubscriber("api:crm", frozenset(names), create=True, **values)


# ---- low balance


def balances(conversation: Conversation, *fen: int) -> list[int]:
    """Set balances one after the other; return how many messages each brings."""
    return [len(conversation.happens(patch(balance_fen=amount))) for amount in fen]


def test_a_low_balance_is_notified_once_until_it_was_above_the_limit() -> None:
    conversation = Conversation()
    assert balances(conversation, 1000, 999, 500, 5000, 800) == [0, 1, 0, 0, 1]
    assert [(sent.number, sent.kind, sent.text) for sent in conversation.sent] == [
        ("10086", "notice", LOW.format(as_of="03月02日10时00分", balance=balance)) for balance in ("9.99元", "8元")
    ]
    # The limit itself is neither below nor above.
    assert balances(conversation, 1000, 999, 1001, 999) == [0, 0, 0, 1]


def test_a_put_counts_as_a_patch_and_a_debt_is_named() -> None:
    conversation = Conversation()
    (notice,) = conversation.happens(put(SUBSCRIBER, balance_fen=-550))
    assert notice.text.startswith("您好！截至03月02日10时00分，您的话费余额不足，已欠费5.50元。")


def test_the_limit_is_a_setting() -> None:
    conversation = Conversation(policy=policy(low_balance_fen=2000))
    assert balances(conversation, 2000, 1999) == [0, 1]


def test_postpaid_and_new_customers_get_no_notice_of_a_low_balance() -> None:
    assert balances(Conversation(subscriber=POSTPAID), 100, 50) == [0, 0]
    conversation = Conversation(subscriber=None, has=())
    assert conversation.happens(put(SUBSCRIBER, balance_fen=500)) == []
    assert balances(conversation, 400) == [0]
    changed = Conversation(subscriber=replace(POSTPAID, balance_fen=500))
    assert len(changed.happens(patch(payment=Payment.PREPAID))) == 1


def test_at_night_the_notice_is_held_and_a_top_up_supersedes_it() -> None:
    conversation = Conversation(start="2026-03-02 22:00")
    assert balances(conversation, 800) == [0]
    conversation.play("@ 2026-03-03 06:59:59\n<\n@ 2026-03-03 07:00\n< [10086 notice] …截至03月02日22时00分…8元…")
    conversation = Conversation(start="2026-03-02 23:59:59")
    assert balances(conversation, 800, 5000) == [0, 0]
    conversation.play("@ 2026-03-03 12:00\n<")
    assert balances(conversation, 700) == [1]


def test_a_new_tenure_starts_without_the_old_balance() -> None:
    conversation = Conversation()
    assert balances(conversation, 500) == [1]
    conversation.happens(patch(status=SubscriberStatus.CLOSED))
    conversation.happens(put(SUBSCRIBER, balance_fen=3000))
    assert balances(conversation, 500) == [1]


def test_in_english() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN))
    (notice,) = conversation.happens(patch(balance_fen=950))
    assert notice.text == (
        "As of March 2, 10:00 your balance is CNY9.50, below CNY10. Please top up soon to keep your number in service. Send YE to 10086 for your balance. China Mobile"
    )
    (notice,) = announce(conversation, "2026-03-06 15:00")
    assert notice.text.startswith("Your number will be suspended on March 6, 2026, 15:00.")


# ---- announced suspensions


def announce(conversation: Conversation, at: str) -> list[Sent]:
    return conversation.happens(AnnounceSuspension("api:billing", shanghai(at)))


def open_suspensions(conversation: Conversation) -> list[Suspension]:
    return [item for item in conversation.account.records_of(Suspension) if item.is_open]


def test_notices_come_at_once_and_24_hours_before() -> None:
    conversation = Conversation(subscriber=POSTPAID)
    (notice,) = announce(conversation, "2026-03-06 15:00")
    assert (notice.number, notice.kind, notice.text) == ("10086", "notice", STOP.format(when="2026年03月06日15时00分"))
    conversation.play(
        """
        @ 2026-03-05 14:59:59
        <
        @ 2026-03-05 15:00
        < [10086 notice] …2026年03月06日15时00分停机…
        @ 2026-03-08 00:00
        <
        """
    )
    assert open_suspensions(conversation) == []
    assert conversation.account.subscriber == POSTPAID
    assert [record.kind for record in conversation.evidence] == ["suspension-announced"]


@pytest.mark.parametrize("stops_at", ["2026-03-03 10:00", "2026-03-03 09:59:59", "2026-03-02 10:00:01"])
def test_within_24_hours_there_is_one_notice(stops_at: str) -> None:
    conversation = Conversation(subscriber=POSTPAID)
    assert len(announce(conversation, stops_at)) == 1
    conversation.play("@ 2026-03-05 00:00\n<")


@pytest.mark.parametrize(
    ("now", "stops_at", "comes"),
    [
        ("2026-03-02 22:00:00", "2026-03-03 06:59:59", "at once"),
        ("2026-03-02 22:00:00", "2026-03-03 07:00:00", "at once"),
        ("2026-03-02 22:00:00", "2026-03-03 07:00:01", "2026-03-03 07:00"),
        ("2026-03-03 06:59:59", "2026-03-03 12:00:00", "2026-03-03 07:00"),
        ("2026-03-03 07:00:00", "2026-03-03 12:00:00", "at once"),
        ("2026-03-02 21:59:59", "2026-03-04 12:00:00", "at once"),
        ("2026-12-31 23:59:59", "2027-01-01 03:00:00", "at once"),
    ],
)
def test_a_notice_comes_at_night_only_if_the_morning_is_too_late(now: str, stops_at: str, comes: str) -> None:
    conversation = Conversation(subscriber=POSTPAID, start=now)
    assert len(announce(conversation, stops_at)) == (comes == "at once")
    if comes != "at once":
        conversation.play(f"@ {comes}\n< [10086 notice] …停机…")


def test_the_second_notice_waits_for_the_morning() -> None:
    """24 hours before 03:00 is at night, and the next morning is early enough."""
    conversation = Conversation(subscriber=POSTPAID)
    announce(conversation, "2026-03-06 03:00")
    conversation.play("@ 2026-03-05 06:59:59\n<\n@ 2026-03-05 07:00\n< [10086 notice] …2026年03月06日03时00分停机…")


def test_both_notices_of_one_night_are_one_message() -> None:
    conversation = Conversation(subscriber=POSTPAID, start="2026-03-02 23:00")
    announce(conversation, "2026-03-04 03:00")
    conversation.play("@ 2026-03-03 07:00\n< [10086 notice] …03月04日03时00分…\n@ 2026-03-05 00:00\n<")


def test_another_date_replaces_the_first_and_the_same_date_changes_nothing() -> None:
    conversation = Conversation(subscriber=POSTPAID)
    announce(conversation, "2026-03-06 15:00")
    assert announce(conversation, "2026-03-06 15:00") == []
    (notice,) = announce(conversation, "2026-03-09 15:00")
    assert "2026年03月09日15时00分" in notice.text
    conversation.play("@ 2026-03-08 14:59:59\n<\n@ 2026-03-08 15:00\n< …03月09日15时00分…")


def test_of_two_dates_in_one_night_only_the_second_is_notified() -> None:
    conversation = Conversation(subscriber=POSTPAID, start="2026-03-02 23:00")
    announce(conversation, "2026-03-06 15:00")
    announce(conversation, "2026-03-09 15:00")
    conversation.play("@ 2026-03-03 12:00\n< …03月09日15时00分…")


CALLED_OFF = (CallOffSuspension("api:billing"), patch(status=SubscriberStatus.ACTIVE))
CARRIED_OUT = (patch(status=SubscriberStatus.SUSPENDED), put(POSTPAID, status=SubscriberStatus.SUSPENDED))


@pytest.mark.parametrize("stimulus", [*CALLED_OFF, *CARRIED_OUT])
def test_held_notices_are_superseded_when_it_is_called_off_or_carried_out(
    stimulus: SetSubscriber | CallOffSuspension,
) -> None:
    conversation = Conversation(subscriber=POSTPAID, start="2026-03-02 23:00")
    announce(conversation, "2026-03-06 15:00")
    (suspension,) = open_suspensions(conversation)
    assert conversation.happens(stimulus) == []
    assert conversation.outcome.superseded == (Matter(MatterKind.SUSPENSION, suspension.id),)
    assert open_suspensions(conversation) == []
    conversation.play("@ 2026-03-07 00:00\n<")


def test_a_put_of_unchanged_status_calls_nothing_off() -> None:
    conversation = Conversation(subscriber=POSTPAID)
    announce(conversation, "2026-03-06 15:00")
    conversation.happens(put(POSTPAID, points=7))
    conversation.happens(patch(balance_fen=9))
    assert len(open_suspensions(conversation)) == 1
    # A suspended customer who becomes active has paid, whoever reports it.
    conversation.happens(put(POSTPAID, status=SubscriberStatus.SUSPENDED))
    conversation.happens(put(POSTPAID))
    assert open_suspensions(conversation) == []


def test_a_closed_number_has_no_announced_suspension() -> None:
    conversation = Conversation(subscriber=POSTPAID)
    announce(conversation, "2026-03-06 15:00")
    conversation.happens(patch(status=SubscriberStatus.CLOSED))
    assert open_suspensions(conversation) == []


def test_impossible_announcements_are_refused() -> None:
    conversation = Conversation(subscriber=POSTPAID)
    for at, reason in (("2026-03-02 10:00", INVALID), ("2026-03-01 10:00", INVALID)):
        assert announce(conversation, at) == []
        assert conversation.outcome.refusal is not None
        assert conversation.outcome.refusal.reason == reason
    for stimulus, subscriber, reason in (
        (CallOffSuspension("x"), POSTPAID, UNKNOWN),
        (CallOffSuspension("x"), None, UNKNOWN),
        (AnnounceSuspension("x", shanghai("2026-03-06 15:00")), None, RefusalReason.UNKNOWN_SUBSCRIBER),
        (
            AnnounceSuspension("x", shanghai("2026-03-06 15:00")),
            replace(POSTPAID, status=SubscriberStatus.SUSPENDED),
            CONFLICT,
        ),
    ):
        conversation = Conversation(subscriber=subscriber, has=())
        conversation.happens(stimulus)
        assert conversation.outcome.refusal is not None
        assert conversation.outcome.refusal.reason == reason


def test_no_notice_comes_after_the_suspension() -> None:
    """The gateway was down from before the second notice until after the suspension."""
    conversation = Conversation(subscriber=POSTPAID)
    announce(conversation, "2026-03-06 15:00")
    conversation.now = shanghai("2026-03-06 15:00")
    conversation.play("@ +0s\n<")


def test_a_suspended_customer_still_lists_asks_and_leaves() -> None:
    conversation = Conversation(subscriber=replace(POSTPAID, status=SubscriberStatus.SUSPENDED), has=FOUR)
    conversation.play(
        "> 0000\n< [10086977] …彩铃…\n> [10086977] 1\n< …彩铃…\n= CL ended\n> YE\n< …余额…\n> HELP\n< …0000…"
    )
