"""Charges from announcement to settlement: reminders, disputes, windows (flows.md 7; safety.md 10-14)."""

import re
from dataclasses import replace

import pytest

from app.commands.accounts.import_lines import ImportSubscription
from app.domain.account import Language
from app.domain.charges import Charge, ChargeState
from app.domain.dialogue import Arrival
from app.domain.policy import ProviderTraits
from app.domain.refunds import Refund
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.tickets import Ticket
from tests.commands.charges.charging import announce, charge_of, code, states
from tests.commands.transcript import Conversation
from tests.commands.world import SUBSCRIBER, shanghai


def reminded_of_one(start: str = "2026-03-02 10:00", due: str = "2026-03-05 12:00", **given: object) -> Conversation:
    conversation = Conversation(start=start, **given)  # type: ignore[arg-type]
    announce(conversation, "c-1", "SJB", 300, due)
    return conversation


def tickets(conversation: Conversation) -> list[Ticket]:
    return [item for item in conversation.account.records[Ticket].values() if isinstance(item, Ticket)]


def test_a_charge_is_reminded_and_taken_when_due() -> None:
    conversation = reminded_of_one()
    (sent,) = conversation.sent
    assert (sent.number, sent.kind) == ("10086901", "notice")
    for fact in ("手机报(新华)3元", "03月05日12时00分", "1小时", code(conversation, "c-1"), "72小时"):
        assert fact in sent.text
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ 2026-03-05 11:59:59\n<")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ 2026-03-05 12:00\n<")
    assert states(conversation) == {"c-1": "charged"}
    assert [event.type for event in conversation.outcome.events] == ["charge.charged"]
    assert conversation.chain_is_whole()


MONTHS = [
    (Language.ZH, "2026-03", "03月手机报(新华)3元", "03月费用3元"),
    (Language.ZH, "2026-02", "02月手机报(新华)3元", "02月费用3元"),
    (Language.ZH, "2025-12", "25年12月手机报(新华)3元", "25年12月费用3元"),
    (Language.EN, "2026-03", "手机报(新华) (March) CNY3", "CNY3 (March)"),
    (Language.EN, "2025-12", "手机报(新华) (December '25) CNY3", "CNY3 (December '25)"),
]


@pytest.mark.parametrize(("language", "period", "named", "amount"), MONTHS)
def test_every_text_about_a_monthly_charge_names_its_month(
    language: Language, period: str, named: str, amount: str
) -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=language))
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00", period=period)
    announce(conversation, "c-2", "SJB", 300, "2026-03-05 12:00", period="2026-01")
    word = code(conversation, "c-1")
    said = [*conversation.sent[:1], *conversation.text("否", "10086901")]
    said += [*conversation.text(word, "10086901"), *conversation.text(word, "10086901")]
    assert [named in one.text for one in said] == [True] * 4, said
    # No text has a four-digit number besides the codes, such as a year.
    codes = {word, code(conversation, "c-2")}
    assert {found for one in said for found in re.findall(r"(?<![0-9])[0-9]{4}(?![0-9])", one.text)} <= codes
    assert amount in conversation.text("QXSJB")[-1].text


@pytest.mark.parametrize("answer", ["{}", "否", "N", "n", "TD{}", "td {}", "退订{}", "取消", "否{}", " {}。"])
@pytest.mark.parametrize("wait", ["+0s", "+59m", "+1h"])
def test_a_dispute_in_time_opens_a_ticket(answer: str, wait: str) -> None:
    conversation = reminded_of_one()
    text = answer.format(code(conversation, "c-1"))
    conversation.play(
        f"@ {wait}\n> [10086901] {text}\n< [10086901 result] 您对03月手机报(新华)3元的疑问已受理，工单号…"
    )
    (ticket,) = tickets(conversation)
    assert ticket.number in conversation.sent[-1].text
    assert (ticket.kind, ticket.due - conversation.now) == ("fee_dispute", ticket.due - ticket.made_at)
    assert charge_of(conversation, "c-1").ticket_id == ticket.id
    # A repeated dispute names the same ticket.
    conversation.play(
        f"> [10086901] {code(conversation, 'c-1')}\n< [10086901 result] …此前已受理，工单号{ticket.number}…"
    )
    assert len(tickets(conversation)) == 1
    conversation.play("@ 2026-03-05 09:59")
    assert states(conversation) == {"c-1": "disputed"}


def test_a_late_dispute_is_a_complaint() -> None:
    conversation = reminded_of_one()
    conversation.play(f"@ +1h1s\n> [10086901] {code(conversation, 'c-1')}\n< [10086901 result] …超过回复时限…投诉…")
    (ticket,) = tickets(conversation)
    assert (ticket.kind, ticket.charge_ids) == ("complaint", ("c-1",))
    conversation.play(
        f"> [10086901] {code(conversation, 'c-1')}\n< [10086901 result] …此前已转为投诉受理，工单号{ticket.number}…"
    )
    assert len(tickets(conversation)) == 1
    assert states(conversation) == {"c-1": "reminded"}


@pytest.mark.parametrize("start", ["2026-03-02 10:00", "2026-03-05 11:59"])
def test_a_late_no_counts_although_the_reminder_was_reported_undelivered_after_it_was_taken(start: str) -> None:
    conversation = reminded_of_one(start)
    conversation.account = replace(
        conversation.account,
        questions={
            id_: replace(question, failed_at=conversation.now)
            for id_, question in conversation.account.questions.items()
        },
    )
    conversation.play("@ +90m\n> [10086901] 否\n< [10086901 result] 您对03月手机报(新华)3元…超过回复时限…投诉…")
    (ticket,) = tickets(conversation)
    assert ticket.charge_ids == ("c-1",)


def test_a_late_no_disputes_every_reminded_charge() -> None:
    conversation = reminded_of_two()
    conversation.play(
        "@ +90m\n> [10086901] 否\n< [10086901 result] 您对03月手机报(新华)3元、03月天气预报(墨迹)2元…超过回复时限…投诉…"
    )
    (ticket,) = tickets(conversation)
    assert ticket.charge_ids == ("c-1", "c-2")
    assert states(conversation) == {"c-1": "charged", "c-2": "reminded"}
    conversation.play("> [10086901] 取消\n< …此前已转为投诉受理…")


def test_a_late_no_to_10086_is_no_complaint() -> None:
    conversation = reminded_of_one()
    conversation.play("@ +2h\n> 否\n< [10086 reply] …未能识别…")
    assert tickets(conversation) == []


@pytest.mark.parametrize("number", ["10086", "10086901"])
def test_another_code_is_no_dispute(number: str) -> None:
    conversation = reminded_of_one()
    conversation.play(f"> [{number}] {code(conversation, 'c-1')}7")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play(f"> [{number}] {code(conversation, 'c-1')}")
    assert states(conversation) == {"c-1": "disputed"}


def test_beside_a_listing_a_code_is_a_dispute_and_a_number_a_pick() -> None:
    conversation = reminded_of_one()
    conversation.play(
        f"> 0000\n> {code(conversation, 'c-1')}\n< [10086901 result] 您对03月手机报…\n> 1\n< [10086977 result] 彩铃…"
    )
    assert states(conversation) == {"c-1": "disputed"}


def reminded_of_two() -> Conversation:
    conversation = reminded_of_one(due="2026-03-02 11:00")
    announce(conversation, "c-2", "TQ", 200, "2026-03-05 12:00")
    return conversation


def test_an_ambiguous_no_changes_nothing_and_gives_another_hour() -> None:
    conversation = reminded_of_two()
    one, other = code(conversation, "c-1"), code(conversation, "c-2")
    conversation.play(
        f"""
        @ +50m
        > [10086901] 否
        < [10086901 reply] …手机报(新华)3元请回复{one}；03月天气预报(墨迹)2元请回复{other}…
        @ +59m
        <
        """
    )
    assert states(conversation) == {"c-1": "reminded", "c-2": "reminded"}
    conversation.play(f"> [10086901] {one}\n< [10086901 result] 您对03月手机报…")
    assert states(conversation) == {"c-1": "disputed", "c-2": "reminded"}
    # Only one charge is left to dispute.
    conversation.play("> 否\n< [10086901 result] 您对03月天气预报…")
    assert states(conversation) == {"c-1": "disputed", "c-2": "disputed"}


@pytest.mark.parametrize("arrival", [Arrival.UNKNOWN, Arrival.UNDER_WAY])
def test_an_ambiguous_no_proves_of_no_reminder_that_it_arrived(arrival: Arrival) -> None:
    conversation = reminded_of_one(due="2026-03-02 20:00")
    conversation.receipt = arrival
    announce(conversation, "c-2", "TQ", 200, "2026-03-02 20:00")
    conversation.play("> [10086901] 否\n< [10086901 reply] …手机报(新华)3元请回复…天气预报(墨迹)2元请回复…")
    assert states(conversation) == {"c-1": "reminded", "c-2": "announced"}
    conversation.play("@ 2026-03-02 20:00")
    assert states(conversation) == {"c-1": "charged", "c-2": "announced"}


def test_both_codes_at_once_dispute_both_charges() -> None:
    conversation = reminded_of_two()
    one, other = code(conversation, "c-1"), code(conversation, "c-2")
    conversation.play(
        f"> [10086901] {one}，{other}\n< [10086901 result] 您对03月手机报…\n< [10086901 result] 您对03月天气预报…"
    )
    assert states(conversation) == {"c-1": "disputed", "c-2": "disputed"}


def test_a_late_code_beside_an_open_charge() -> None:
    conversation = reminded_of_one()
    conversation.play("@ +50m")
    announce(conversation, "c-2", "TQ", 200, "2026-03-05 12:00")
    conversation.play(f"@ +20m\n> [10086901] {code(conversation, 'c-1')}\n< …手机报…超过回复时限…")
    assert states(conversation) == {"c-1": "reminded", "c-2": "reminded"}
    conversation.play("> [10086901] 否\n< [10086901 result] 您对03月天气预报…")


@pytest.mark.parametrize(("text", "also"), [("TD", "[10086977] …天气预报…"), ("退訂。", "[10086977] …天气预报…"), ("QXNO", "[10086977] …没有订购业务代码…"), ("取消", ""), ("TD？", "[10086977] …天气预报…"), ("STOP", "[10086977] …天气预报…"), ("unsubscribe", "[10086977] …天气预报…"), ("我要退订", "[10086977] …天气预报…"), ("退订业务", "[10086977] …天气预报…"), ("退订全部", "[10086977] 您将退订…"), ("退订谢谢", "")])  # fmt: skip
def test_unsubscribe_words_dispute_every_open_charge_and_are_obeyed(text: str, also: str) -> None:
    conversation = reminded_of_two()
    then = f"< {also}" if also else ""
    conversation.play(
        f"> [10086901] {text}\n< [10086901 result] 您对03月手机报…\n< [10086901 result] 您对03月天气预报…\n{then}"
    )
    assert states(conversation) == {"c-1": "disputed", "c-2": "disputed"}


@pytest.mark.parametrize(
    "text",
    [
        "QXSJB",
        "退订手机报",
        "我要退订手机报",
        "请取消SJB",
        "TD SJB",
        "取消手机报(新华)",
        "STOP SJB",
        "QX手机",
        "Q X S J B",
    ],
)
def test_an_unsubscribe_word_that_names_the_service_of_a_charge_disputes_that_one(text: str) -> None:
    conversation = reminded_of_two()
    conversation.text(text, "10086901")
    assert states(conversation)["c-2"] == "reminded"
    assert states(conversation)["c-1"] in ("disputed", "cancelled")


OTHER_SERVICES = ["QXCL", "STOP CL", "退订彩铃", "Q X C L", "取 消 彩铃", "QXHT", "TD 和娱乐", "QXYYH"]


@pytest.mark.parametrize("text", OTHER_SERVICES)
def test_an_unsubscribe_word_for_a_service_without_a_charge_disputes_none_of_several(text: str) -> None:
    conversation = reminded_of_two()
    conversation.text(text, "10086901")
    assert states(conversation) == {"c-1": "reminded", "c-2": "reminded"}
    # So does a late one.
    conversation.play("@ +2h")
    conversation.text(text, "10086901")
    assert tickets(conversation) == []


@pytest.mark.parametrize("text", OTHER_SERVICES)
def test_the_only_open_charge_is_disputed_whatever_is_unsubscribed(text: str) -> None:
    conversation = reminded_of_one()
    conversation.text(text, "10086901")
    assert states(conversation) == {"c-1": "disputed"}


LATE_UNSUBSCRIBES = [
    ("QXSJB", "[10086977] 手机报…", ("c-1",)), ("退订手机报", "[10086977] 手机报…", ("c-1",)), ("QX手机", "[10086977 reply] …手机报…", ("c-1",)),
    ("STOP", "[10086977] …天气预报…", ("c-1", "c-2")), ("TD", "[10086977] …天气预报…", ("c-1", "c-2")), ("退订", "[10086977] …天气预报…", ("c-1", "c-2")),
    ("我要退订", "[10086977] …天气预报…", ("c-1", "c-2")), ("帮我退订", "[10086977] …天气预报…", ("c-1", "c-2")), ("取消", "", ("c-1", "c-2")), ("退订谢谢", "", ("c-1", "c-2")), ("QXNO", "[10086977] …没有订购业务代码…", ("c-1", "c-2")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "also", "about"), LATE_UNSUBSCRIBES)
@pytest.mark.parametrize("wait", ["+2h", "+4d"])
def test_a_late_unsubscribe_word_is_a_complaint_and_is_obeyed(
    text: str, also: str, about: tuple[str, ...], wait: str
) -> None:
    conversation = reminded_of_two()
    then = f"< {also}" if also else ""
    conversation.play(f"@ {wait}\n> [10086901] {text}\n< [10086901 result] 您对03月手机报…超过回复时限…投诉…\n{then}")
    (ticket,) = tickets(conversation)
    assert (ticket.kind, ticket.charge_ids) == ("complaint", about)
    # Repeating it opens no second complaint.
    (again, *_) = conversation.text(text, "10086901")
    assert f"此前已转为投诉受理，工单号{ticket.number}" in again.text
    assert len(tickets(conversation)) == 1


def test_a_late_dispute_of_another_charge_is_another_complaint() -> None:
    conversation = reminded_of_two()
    conversation.play(f"@ +2h\n> [10086901] {code(conversation, 'c-2')}\n< …已转为投诉受理…")
    conversation.play(
        "> [10086901] 否\n< [10086901 result] 您对03月手机报(新华)3元的疑问已超过回复时限…已转为投诉受理…"
    )
    assert [ticket.charge_ids for ticket in tickets(conversation)] == [("c-2",), ("c-1",)]


def test_an_open_window_takes_precedence_over_one_that_ended() -> None:
    conversation = reminded_of_one()
    conversation.play("@ +2h")
    announce(conversation, "c-2", "TQ", 200, "2026-03-05 12:00")
    conversation.text("TD", "10086901")
    assert (states(conversation), len(tickets(conversation))) == ({"c-1": "reminded", "c-2": "disputed"}, 1)


@pytest.mark.parametrize("text", ["退 订", "T D", "S T O P", "我要 退订", "Q X N O", "取 消 谢谢", "CXTD", "查询退订"])
def test_an_unsubscribe_word_disputes_however_it_is_spaced(text: str) -> None:
    conversation = reminded_of_two()
    conversation.text(text, "10086901")
    assert states(conversation) == {"c-1": "disputed", "c-2": "disputed"}


@pytest.mark.parametrize("text", ["TD", "退订", "否", "取消"])
def test_a_dispute_counts_though_the_reminder_was_reported_lost(text: str) -> None:
    conversation = reminded_of_one()
    failed = {id_: replace(item, failed_at=conversation.now) for id_, item in conversation.account.questions.items()}
    conversation.account = replace(conversation.account, questions=failed)
    conversation.text(text, "10086901")
    assert states(conversation) == {"c-1": "disputed"}


def test_0000_to_the_charge_number_disputes_nothing() -> None:
    conversation = reminded_of_one()
    conversation.play("> [10086901] 0000\n< [10086977] …")
    assert states(conversation) == {"c-1": "reminded"}


# ---- day and night


@pytest.mark.parametrize(
    ("start", "due", "reminded", "window_ends"),
    [
        ("2026-03-02 21:59", "2026-03-05 12:00", "2026-03-02 21:59", "2026-03-02 22:59"),
        ("2026-03-02 22:00", "2026-03-05 12:00", "2026-03-03 07:00", "2026-03-03 08:00"),
        ("2026-03-02 23:30", "2026-03-03 09:00", "2026-03-03 07:00", "2026-03-03 08:00"),
        ("2026-03-02 06:59", "2026-03-05 12:00", "2026-03-02 07:00", "2026-03-02 08:00"),
        ("2026-03-02 07:10", "2026-03-05 12:00", "2026-03-02 07:10", "2026-03-02 08:10"),
        # A charge due before 07:00 is reminded at once; its window ends in the morning.
        ("2026-03-02 23:00", "2026-03-03 06:30", "2026-03-02 23:00", "2026-03-03 08:00"),
        ("2026-12-31 23:59", "2027-01-10 12:00", "2027-01-01 07:00", "2027-01-01 08:00"),
        ("2028-02-28 23:59", "2028-02-29 23:59", "2028-02-29 07:00", "2028-02-29 08:00"),
    ],
)  # fmt: skip
def test_windows_by_day_and_night(start: str, due: str, reminded: str, window_ends: str) -> None:
    conversation = reminded_of_one(start, due)
    conversation.play(f"@ {reminded}")
    charge = charge_of(conversation, "c-1")
    assert (charge.reminded_at, charge.window_ends_at) == (shanghai(reminded), shanghai(window_ends))
    conversation.play(f"@ {window_ends}\n> [10086901] 否\n< …已受理…")
    assert states(conversation) == {"c-1": "disputed"}


def test_no_charge_falls_due_before_its_window_is_over() -> None:
    conversation = reminded_of_one(due="2026-03-02 10:10")
    assert "03月02日11时05分" in conversation.sent[-1].text
    conversation.play("@ 2026-03-02 11:05:00\n<")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ +1s\n<")
    assert states(conversation) == {"c-1": "charged"}


# ---- the network


def test_a_charge_without_a_delivered_reminder_is_not_taken() -> None:
    conversation = Conversation()
    conversation.play("! refusing")
    announce(conversation, "c-1", "SJB", 300, "2026-03-03 12:00")
    conversation.play("@ 2026-03-04 02:00\n<")
    assert states(conversation) == {"c-1": "announced"}
    conversation.play("! taking\n@ 2026-03-04 06:59\n<\n@ 2026-03-04 08:00\n< [10086901 notice] …手机报…")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ 2026-03-04 09:30\n<")
    assert states(conversation) == {"c-1": "charged"}


def test_a_charge_unreached_for_72_hours_is_waived_with_a_ticket() -> None:
    conversation = Conversation()
    conversation.play("! refusing")
    announce(conversation, "c-1", "SJB", 300, "2026-03-03 12:00")
    conversation.play("@ 2026-03-05 09:59:59\n<")
    assert states(conversation) == {"c-1": "announced"}
    conversation.play("@ +1s\n<\n! taking\n@ +3d\n<")
    assert states(conversation) == {"c-1": "waived"}
    assert [ticket.kind for ticket in tickets(conversation)] == ["unreached"]


# ---- further charges of a disputed service


def test_no_further_charge_is_taken_beside_a_disputed_one() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00", period="2026-02")
    conversation.play("> [10086901] 否")
    announce(conversation, "c-2", "SJB", 300, "2026-03-03 12:00")
    announce(conversation, "c-3", "TQ", 200, "2026-03-03 12:00")
    conversation.play("@ 2026-03-04 20:00")
    assert states(conversation) == {"c-1": "disputed", "c-2": "reminded", "c-3": "charged"}


def test_a_free_charge_has_no_reminder() -> None:
    conversation = reminded_of_one()
    announce(conversation, "c-2", "CL", 0, "2026-03-05 12:00")
    conversation.play("@ 2026-03-05 12:00\n<")
    assert states(conversation) == {"c-1": "charged", "c-2": "charged"}


def test_codes_are_four_digits_and_distinct() -> None:
    conversation = Conversation()
    for number in range(1, 13):
        announce(conversation, f"c-{number}", "SJB", 300, "2026-03-05 12:00", period=f"2025-{number:02}")
    found = [
        item.code for item in conversation.account.records[Charge].values() if isinstance(item, Charge) and item.code
    ]
    assert len(found) == len(set(found)) == 7
    assert all(len(item) == 4 and int(item) >= 1000 and item != "1111" for item in found)


def test_with_a_single_number_codes_tell_charges_apart() -> None:
    conversation = Conversation(carrier=ProviderTraits("test", single_number=True))
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    assert conversation.sent[-1].number == "10086"
    conversation.play(f"> TD{code(conversation, 'c-1')}\n< [10086 result] 您对03月手机报(新华)3元的疑问已受理…")
    assert states(conversation) == {"c-1": "disputed"}


def test_a_no_that_fits_an_order_and_two_charges_gives_the_charges_another_hour() -> None:
    conversation = reminded_of_two()
    conversation.play(
        """
        > KTYS
        @ +50m
        > 否
        < [10086 reply] 您有多条短信待回复…
        """
    )
    assert states(conversation) == {"c-1": "reminded", "c-2": "reminded"}
    conversation.play(f"@ +59m\n<\n> {code(conversation, 'c-1')}\n< 您对…手机报(新华)3元的疑问已受理…")


def test_a_charge_of_a_subscription_that_an_import_made_a_trial_is_not_taken() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "CL", 500, "2026-03-02 14:00")
    trial = ImportSubscription(
        "api:crm", "CL", SubscriptionState.TRIAL, in_plan=False, started_at=shanghai("2026-03-01 10:00"), channel=Channel.WEB,
        trial_ends_at=shanghai("2026-03-08 10:00"),
    )  # fmt: skip
    conversation.happens(trial)
    conversation.play("@ +5h\n= CL trial")
    assert states(conversation) == {"c-1": "waived"}


@pytest.mark.parametrize("word", ["否", "code", "TD"])
def test_a_dispute_sent_in_time_and_stored_after_the_charge_was_taken_refunds_it(word: str) -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 11:30")
    conversation.play("@ 2026-03-02 12:00")
    assert charge_of(conversation, "c-1").state is ChargeState.CHARGED
    text = word.replace("code", code(conversation, "c-1"))
    (said, *_) = conversation.text(text, "10086901", sent_at=shanghai("2026-03-02 10:59"))
    assert "手机报(新华)3元的疑问已受理，已扣收的费用已退还" in said.text
    (refund,) = conversation.account.records[Refund].values()
    assert isinstance(refund, Refund)
    assert (refund.charge_id, refund.amount_fen) == ("c-1", 300)
    # Repeating it refunds nothing more.
    conversation.text(text, "10086901", sent_at=shanghai("2026-03-02 10:59:30"))
    assert len(conversation.account.records[Refund]) == 1
