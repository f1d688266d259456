"""What becomes of fees when a service is unsubscribed (flows.md 5.3, 17; safety.md 11, 13, 18)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.commands.charges.announcing import AnnounceCharge
from app.domain.account import Channel, Language, Subscription
from app.domain.catalogue import CancelEffect
from app.domain.charges import Charge, ChargeKind, ChargeState
from app.domain.refunds import Refund
from app.domain.turn import Outcome
from tests.commands.charges.charging import announce, charge_of, code, states, use
from tests.commands.transcript import Conversation
from tests.commands.world import CATALOGUE, FOUR, SUBSCRIBER, has, shanghai


def test_while_the_window_is_open_it_is_waived_and_said() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play(
        """
        @ +1h
        > QXSJB
        < [10086977 result] 手机报(新华)已退订，可用至03月31日，不收费；待扣的03月费用3元不收费；…
        = SJB ending 2026-03-31
        """
    )
    assert states(conversation) == {"c-1": "waived"}
    assert [event.type for event in conversation.outcome.events] == ["subscription.unsubscribed", "charge.waived"]
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}\n< …已不收费…\n@ 2026-04-02 12:00\n<")


def test_after_the_window_it_is_taken_and_said() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +61m\n> QXSJB\n< [10086977 result] …可用至03月31日，当月3元仍照常收取，次月起不再收费；…")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ 2026-03-05 12:00\n<")
    assert states(conversation) == {"c-1": "charged"}


def test_a_month_that_is_paid_is_said_to_be() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 12:00")
    conversation.play("@ +3h\n> QXSJB\n< …当月3元已收取，次月起不再收费；…")


@pytest.mark.parametrize("service", ["CL", "TQ"])
def test_a_service_that_ends_before_its_fee_costs_nothing(service: str) -> None:
    conversation = Conversation()
    fen = {"CL": 500, "TQ": 200}[service]
    announce(conversation, "c-1", service, fen, "2026-03-05 12:00")
    conversation.play(
        f"@ +2h\n> QX{service}\n< …即时生效，不再收费；待扣的03月费用{fen // 100}元不收费；…\n@ 2026-03-06 12:00\n<"
    )
    assert states(conversation) == {"c-1": "waived"}


def test_within_24_hours_what_falls_due_before_is_taken() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "HT", 300, "2026-03-02 18:00")
    conversation.play(
        "@ +2h\n> QXHT\n< 和娱乐已退订，24小时内(03月03日12时00分前)停止；此前的03月费用3元将于03月02日照常收取；…\n@ +24h\n<"
    )
    assert states(conversation) == {"c-1": "charged"}


def test_the_next_months_fee_is_not_taken() -> None:
    conversation = Conversation(start="2026-03-31 10:00")
    announce(conversation, "c-1", "HT", 300, "2026-04-01 09:00")
    conversation.play(
        "@ 2026-03-31 20:00\n> QXHT\n< …24小时内(04月01日20时00分前)停止，不再收费；待扣的04月费用3元不收费…"
    )
    assert states(conversation) == {"c-1": "waived"}


def test_nothing_is_taken_when_a_trial_ends_that_she_left() -> None:
    of = replace(CATALOGUE.services["SJB"], trial_days=7)
    trial = replace(has(of, "2026-03-01 10:00", trial_until="2026-03-20 10:00"), goes_on=True)
    conversation = Conversation(has=(trial,), start="2026-03-18 10:00")
    announce(conversation, "c-1", "SJB", 300, "2026-03-20 10:00")
    conversation.play("@ +2h\n> QXSJB\n< …可用至03月20日，不收费；待扣的03月费用3元不收费；…\n@ 2026-03-20 10:00\n<")
    assert states(conversation) == {"c-1": "waived"}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        # A free fee says nothing of the month's price.
        (("c-1", 0, "2026-03-02 10:00"), None, "当月3元仍照常收取，次月起不再收费"),
        (("c-1", 0, "2026-03-02 10:00"), ("c-2", 300, "2026-03-02 12:00"), "当月3元已收取，次月起不再收费"),
        (("c-1", 300, "2026-03-02 12:00"), ("c-2", 0, "2026-03-02 10:00"), "当月3元已收取，次月起不再收费"),
        (("c-1", 300, "2026-03-05 12:00"), ("c-2", 0, "2026-03-02 10:00"), "当月3元仍照常收取，次月起不再收费"),
    ],
)
def test_what_is_said_of_the_month_counts_all_its_fees(
    first: tuple[str, int, str], second: tuple[str, int, str] | None, said: str
) -> None:
    conversation = Conversation()
    for charge_id, fen, due in filter(None, (first, second)):
        assert announce(conversation, charge_id, "SJB", fen, due).refusal is None
    conversation.play(f"@ +3h\n> QXSJB\n< …可用至03月31日，{said}；…")


def test_a_month_that_was_paid_before_she_came_back_is_said_to_be() -> None:
    paid = Charge(
        id="c-0", made_at=shanghai("2026-03-01 10:00"), kind=ChargeKind.MONTHLY, service_code="SJB",
        subscription_id="an earlier one", amount_fen=300, period="2026-03", asked_due_at=shanghai("2026-03-01 12:00"),
        due_at=shanghai("2026-03-01 12:00"), channel=None, state=ChargeState.CHARGED,
    )  # fmt: skip
    conversation = Conversation()
    conversation.take(Outcome(records=(paid,)))
    conversation.play("> QXSJB\n< …当月3元已收取，次月起不再收费；…")


def test_a_doubted_fee_is_cancelled_and_she_is_still_called() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> [10086901] 否\n> QXSJB\n< …不收费；有疑问的03月费用3元不收费，仍会按时回电；…")
    assert states(conversation) == {"c-1": "cancelled"}
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}\n< …已不收费…")


@pytest.mark.parametrize(("ordered", "state"), [("2026-02-27 12:01", "waived"), ("2026-02-27 11:59", "reminded")])
def test_within_72_hours_of_the_order_it_is_waived(ordered: str, state: str) -> None:
    held = has("SJB", ordered)
    conversation = Conversation(has=(held,), start="2026-03-02 10:00")
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +2h1m\n> QXSJB" if state == "reminded" else "@ +2h\n> QXSJB")
    assert states(conversation) == {"c-1": state}


@pytest.mark.parametrize("sent", ["2026-03-01 20:00", "2026-03-02 09:00"])
def test_what_was_taken_within_72_hours_all_the_same_is_given_back_of_every_month(sent: str) -> None:
    conversation = Conversation(has=(*FOUR[1:], has("CL", "2026-02-28 10:00")), start="2026-03-01 19:00")
    for number, period in enumerate(("2026-02", "2026-03")):
        announce(conversation, f"c-{number}", "CL", 500, "2026-03-05 12:00", period=period)
        # As if another system had taken it.
        taken = charge_of(conversation, f"c-{number}").moved(ChargeState.CHARGED, conversation.now)
        conversation.take(Outcome(records=(taken,)))
    conversation.play("@ 2026-03-04 12:00")
    (said,) = conversation.text("QXCL", sent_at=shanghai(sent))
    assert "彩铃已退订，即时生效，72小时内退订，不收费；已收的02月费用5元将退还；已收的03月费用5元将退还；" in said.text
    refunds = [item for item in conversation.account.records[Refund].values() if isinstance(item, Refund)]
    assert [(item.charge_id, item.amount_fen, item.is_open) for item in refunds] == [
        ("c-0", 500, False),
        ("c-1", 500, False),
    ]


def test_one_fee_of_a_month_whether_or_not_she_keeps_it_and_leaves_again() -> None:
    conversation = Conversation()
    keeps = "> KTSJB\n> [1008620400] 是\n= SJB active"
    announce(conversation, "c-1", "SJB", 300, "2026-03-20 12:00")
    conversation.play(f"> QXSJB\n{keeps}")
    assert announce(conversation, "c-2", "SJB", 300, "2026-03-20 12:00").refusal is None
    conversation.play("@ +2h\n> QXSJB\n< …当月3元仍照常收取…\n> KTSJB\n> [1008620401] 是")
    assert announce(conversation, "c-3", "SJB", 300, "2026-03-25 12:00").refusal is not None
    conversation.play("@ 2026-03-20 12:00\n> QXSJB\n< …当月3元已收取…\n@ 2026-04-02 12:00\n= SJB ended")
    assert states(conversation) == {"c-1": "waived", "c-2": "charged"}


# ---- after she left

BY_SMS, BY_AGENT = "by sms", "by an agent"
WITH_TRIAL = replace(has("SJB", trial_until="2026-03-20 10:00"), goes_on=True)


@pytest.mark.parametrize("way", [BY_SMS, BY_AGENT])
@pytest.mark.parametrize(
    ("held", "before", "owed"),
    [
        # That of a service that runs to its month's end; nothing of one that ends at once or within a day.
        (has("SJB"), "", {"2026-03": 300}),
        (has("SJB", price_fen=200), "", {"2026-03": 200}),
        (has("HT"), "", {}),
        (has("CL"), "", {}),
        # What is in the plan or on trial is free.
        (has("SJB", in_plan=True), "", {}),
        (WITH_TRIAL, "", {}),
        (has("SJB", "2026-03-01 10:00"), "", {}),
        # The month's fee is announced, taken, or given up already.
        (has("SJB"), "+2h", {}),
        (has("SJB"), "+4d", {}),
        (has("SJB"), "+1m", {}),
        (has("HT"), "+2h", {}),
    ],
)
def test_nothing_is_announced_after_she_left_but_what_she_was_told(
    held: Subscription, before: str, owed: dict[str, int], way: str
) -> None:
    conversation = Conversation(has=(held,))
    code = held.service_code
    if before:
        announce(conversation, "c-0", code, 300, "2026-03-05 12:00")
        conversation.play(f"@ {before}")
    if way == BY_SMS:
        (said,) = conversation.text(f"QX{code}")
    else:
        (said,) = conversation.happens(AgentUnsubscribe("api:agent", code, "called"))
    assert [f"当月{fen // 100}元仍照常收取" in said.text for fen in owed.values()] == [True] * len(owed), said
    found = {}
    ends_at = conversation.account.subscriptions[held.id].ends_at
    assert ends_at is not None
    for period in ("2026-03", "2026-02", "2025-12"):
        for fen in (300, 200, 0):
            wanted = AnnounceCharge("api:billing", f"{period}-{fen}", code, ChargeKind.MONTHLY, fen, ends_at, period)
            conversation.happens(wanted)
            refusal = conversation.answered.refusal
            if refusal is None and fen:
                found[period] = fen
    assert found == owed
    conversation.play("@ 2026-04-02 12:00")
    taken = [charge_of(conversation, id_) for id_, state in states(conversation).items() if state == "charged"]
    assert {one.period: one.amount_fen for one in taken if one.id != "c-0" and one.amount_fen} == owed


def test_what_she_keeps_after_all_can_be_announced_again() -> None:
    conversation = Conversation(has=(has("HT"),))
    conversation.play("> QXHT\n> KTHT\n> [1008620400] 是\n= HT active")
    assert announce(conversation, "c-1", "HT", 300, "2026-03-20 12:00").refusal is None


def test_the_month_is_said_to_cost_what_was_announced_or_what_it_may() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 100, "2026-03-05 12:00")
    conversation.play("@ +2h\n> QXSJB\n< …当月1元仍照常收取…")
    paid = Conversation()
    announce(paid, "c-1", "SJB", 100, "2026-03-02 12:00")
    paid.play("@ +3h\n> QXSJB\n< …当月1元已收取…")


def test_what_is_paid_by_use_and_ends_within_a_day_is_paid_for_until_then() -> None:
    of = replace(CATALOGUE.services["GS"], cancel_effect=CancelEffect.WITHIN_24H)
    conversation = Conversation(has=(has(of),))
    conversation.play(
        "> QXGS\n< 故事点播(新华)已退订，24小时内(03月03日10时00分前)停止，其间使用仍按2.50元/次收费；…\n@ +1h"
    )
    use(conversation, "u-1", "GS", Channel.SMS)
    assert charge_of(conversation, "use-u-1").amount_fen == 250


def test_a_held_reminder_is_not_sent_after_she_left() -> None:
    conversation = Conversation(start="2026-03-02 23:00")
    announce(conversation, "c-1", "CL", 500, "2026-03-05 12:00")
    conversation.play("> QXCL\n< [10086977 result] 彩铃…\n@ 2026-03-03 09:00\n<")
    assert states(conversation) == {"c-1": "waived"}


def test_a_held_reminder_of_a_service_that_runs_on_is_sent() -> None:
    conversation = Conversation(start="2026-03-02 23:00")
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> QXSJB\n< …当月3元仍照常收取…\n@ 2026-03-03 07:00\n< [10086901 notice] …手机报…")
    conversation.play("> [10086901] 否\n< …已受理…")
    assert states(conversation) == {"c-1": "disputed"}


def test_an_agents_unsubscribe_has_the_same_effect() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    came = conversation.happens(AgentUnsubscribe("api:agent", "SJB", "called"))
    assert "待扣的03月费用3元不收费" in came[0].text
    assert states(conversation) == {"c-1": "waived"}


def test_several_services_at_once_each_with_its_fee() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "CL", 500, "2026-03-05 12:00")
    announce(conversation, "c-2", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +2h\n> 0000\n> [10086977] 1,3\n< 彩铃…待扣的03月费用5元不收费…手机报(新华)…当月3元仍照常收取…")
    assert states(conversation) == {"c-1": "waived", "c-2": "reminded"}


def test_in_english() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN))
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> QXSJB\n< …free of charge; the announced fee of CNY3 (March) is free; …")
    assert charge_of(conversation, "c-1").settled_at == shanghai("2026-03-02 10:00")
