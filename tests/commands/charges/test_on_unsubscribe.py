"""Charges of a service that is unsubscribed (flows.md 5.3, 17; safety.md 11, 13, 18)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.commands.charges.announcing import AnnounceCharge
from app.domain.account import Language
from app.domain.catalogue import CancelEffect
from app.domain.charges import Charge, ChargeKind, ChargeState
from app.domain.refunds import Refund
from app.domain.subscriptions import Channel, Subscription
from app.domain.turn import Outcome
from tests.commands.charges.charging import announce, charge_of, code, states, use
from tests.commands.transcript import Conversation
from tests.commands.world import CATALOGUE, FOUR, SUBSCRIBER, has, shanghai


def test_while_the_window_is_open_the_charge_is_waived_and_the_reply_says_so() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play(
        """
        @ +1h
        > QXSJB
        < [10086977 result] 手机报(新华)已退订，可用至03月31日，期间不收费；待扣的03月费用3元不再扣收。…
        = SJB ending 2026-03-31
        """
    )
    assert states(conversation) == {"c-1": "waived"}
    assert [event.type for event in conversation.outcome.events] == ["subscription.unsubscribed", "charge.waived"]
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}\n< …已免收…\n@ 2026-04-02 12:00\n<")


def test_after_the_window_the_charge_is_taken_and_the_reply_says_so() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +61m\n> QXSJB\n< [10086977 result] …可用至03月31日，当月费用3元照常收取，次月起不再收费。…")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ 2026-03-05 12:00\n<")
    assert states(conversation) == {"c-1": "charged"}


def test_the_reply_says_that_the_month_is_paid() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 12:00")
    conversation.play("@ +3h\n> QXSJB\n< …当月费用3元已收取，次月起不再收费。…")


@pytest.mark.parametrize("service", ["CL", "TQ"])
def test_a_service_that_ends_before_the_due_date_costs_nothing(service: str) -> None:
    conversation = Conversation()
    fen = {"CL": 500, "TQ": 200}[service]
    announce(conversation, "c-1", service, fen, "2026-03-05 12:00")
    conversation.play(
        f"@ +2h\n> QX{service}\n< …立即生效，不再收费；待扣的03月费用{fen // 100}元不再扣收。…\n@ 2026-03-06 12:00\n<"
    )
    assert states(conversation) == {"c-1": "waived"}


def test_a_charge_due_before_the_end_within_24_hours_is_taken() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "HT", 300, "2026-03-02 18:00")
    conversation.play(
        "@ +2h\n> QXHT\n< 和娱乐已退订，24小时内(03月03日12时00分前)停止；此前的03月费用3元将于03月02日照常收取。…\n@ +24h\n<"
    )
    assert states(conversation) == {"c-1": "charged"}


def test_the_charge_of_the_next_month_is_not_taken() -> None:
    conversation = Conversation(start="2026-03-31 10:00")
    announce(conversation, "c-1", "HT", 300, "2026-04-01 09:00")
    conversation.play(
        "@ 2026-03-31 20:00\n> QXHT\n< …24小时内(04月01日20时00分前)停止，不再收费；待扣的04月费用3元不再扣收…"
    )
    assert states(conversation) == {"c-1": "waived"}


def test_nothing_is_taken_at_the_end_of_an_unsubscribed_trial() -> None:
    of = replace(CATALOGUE.services["SJB"], trial_days=7)
    trial = replace(has(of, "2026-03-01 10:00", trial_until="2026-03-20 10:00"), goes_on=True)
    conversation = Conversation(has=(trial,), start="2026-03-18 10:00")
    announce(conversation, "c-1", "SJB", 300, "2026-03-20 10:00")
    conversation.play(
        "@ +2h\n> QXSJB\n< …可用至03月20日，期间不收费；待扣的03月费用3元不再扣收。…\n@ 2026-03-20 10:00\n<"
    )
    assert states(conversation) == {"c-1": "waived"}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        # A free charge does not change the text about the month.
        (("c-1", 0, "2026-03-02 10:00"), None, "当月费用3元照常收取，次月起不再收费"),
        (("c-1", 0, "2026-03-02 10:00"), ("c-2", 300, "2026-03-02 12:00"), "当月费用3元已收取，次月起不再收费"),
        (("c-1", 300, "2026-03-02 12:00"), ("c-2", 0, "2026-03-02 10:00"), "当月费用3元已收取，次月起不再收费"),
        (("c-1", 300, "2026-03-05 12:00"), ("c-2", 0, "2026-03-02 10:00"), "当月费用3元照常收取，次月起不再收费"),
    ],
)
def test_the_text_about_the_month_counts_all_its_charges(
    first: tuple[str, int, str], second: tuple[str, int, str] | None, said: str
) -> None:
    conversation = Conversation()
    for charge_id, fen, due in filter(None, (first, second)):
        assert announce(conversation, charge_id, "SJB", fen, due).refusal is None
    conversation.play(f"@ +3h\n> QXSJB\n< …可用至03月31日，{said}。…")


def test_the_reply_says_that_the_month_was_paid_before_a_new_order() -> None:
    paid = Charge(
        id="c-0", made_at=shanghai("2026-03-01 10:00"), kind=ChargeKind.MONTHLY, service_code="SJB",
        subscription_id="an earlier one", amount_fen=300, period="2026-03", asked_due_at=shanghai("2026-03-01 12:00"),
        due_at=shanghai("2026-03-01 12:00"), channel=None, state=ChargeState.CHARGED,
    )  # fmt: skip
    conversation = Conversation()
    conversation.take(Outcome(records=(paid,)))
    conversation.play("> QXSJB\n< …当月费用3元已收取，次月起不再收费。…")


def test_a_disputed_charge_is_cancelled_and_the_call_is_still_due() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> [10086901] 否\n> QXSJB\n< …不收费；您有疑问的03月费用3元不再扣收，我们仍会按时回电。…")
    assert states(conversation) == {"c-1": "cancelled"}
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}\n< …已免收…")


@pytest.mark.parametrize(("ordered", "state"), [("2026-02-27 12:01", "waived"), ("2026-02-27 11:59", "reminded")])
def test_within_72_hours_of_the_order_a_charge_is_waived(ordered: str, state: str) -> None:
    held = has("SJB", ordered)
    conversation = Conversation(has=(held,), start="2026-03-02 10:00")
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +2h1m\n> QXSJB" if state == "reminded" else "@ +2h\n> QXSJB")
    assert states(conversation) == {"c-1": state}


@pytest.mark.parametrize("sent", ["2026-03-01 20:00", "2026-03-02 09:00"])
def test_charges_taken_within_72_hours_are_refunded_for_every_month(sent: str) -> None:
    conversation = Conversation(has=(*FOUR[1:], has("CL", "2026-02-28 10:00")), start="2026-03-01 19:00")
    for number, period in enumerate(("2026-02", "2026-03")):
        announce(conversation, f"c-{number}", "CL", 500, "2026-03-05 12:00", period=period)
        # No charge is taken within the 72 hours, so set the state directly.
        taken = charge_of(conversation, f"c-{number}").moved(ChargeState.CHARGED, conversation.now)
        conversation.take(Outcome(records=(taken,)))
    conversation.play("@ 2026-03-04 12:00")
    (said,) = conversation.text("QXCL", sent_at=shanghai(sent))
    assert (
        "彩铃已退订，立即生效，72小时内退订，不收费；已收取的02月费用5元将退还；已收取的03月费用5元将退还。"
        in said.text
    )
    refunds = [item for item in conversation.account.records[Refund].values() if isinstance(item, Refund)]
    assert [(item.charge_id, item.amount_fen, item.is_open) for item in refunds] == [
        ("c-0", 500, False),
        ("c-1", 500, False),
    ]


def test_one_charge_of_a_month_after_keeping_and_unsubscribing_again() -> None:
    conversation = Conversation()
    keeps = "> KTSJB\n> [1008620400] 是\n= SJB active"
    announce(conversation, "c-1", "SJB", 300, "2026-03-20 12:00")
    conversation.play(f"> QXSJB\n{keeps}")
    assert announce(conversation, "c-2", "SJB", 300, "2026-03-20 12:00").refusal is None
    conversation.play("@ +2h\n> QXSJB\n< …当月费用3元照常收取…\n> KTSJB\n> [1008620401] 是")
    assert announce(conversation, "c-3", "SJB", 300, "2026-03-25 12:00").refusal is not None
    conversation.play("@ 2026-03-20 12:00\n> QXSJB\n< …当月费用3元已收取…\n@ 2026-04-02 12:00\n= SJB ended")
    assert states(conversation) == {"c-1": "waived", "c-2": "charged"}


# ---- after the unsubscribe

BY_SMS, BY_AGENT = "by sms", "by an agent"
WITH_TRIAL = replace(has("SJB", trial_until="2026-03-20 10:00"), goes_on=True)


@pytest.mark.parametrize("way", [BY_SMS, BY_AGENT])
@pytest.mark.parametrize(
    ("held", "before", "owed"),
    [
        # A service that runs to the month's end owes the month; one that ends at once or within a day owes nothing.
        (has("SJB"), "", {"2026-03": 300}),
        (has("SJB", price_fen=200), "", {"2026-03": 200}),
        (has("HT"), "", {}),
        (has("CL"), "", {}),
        # A service in the plan, on trial or in its 72 free hours owes nothing.
        (has("SJB", in_plan=True), "", {}),
        (WITH_TRIAL, "", {}),
        (has("SJB", "2026-03-01 10:00"), "", {}),
        # The month's charge was announced, taken or waived before.
        (has("SJB"), "+2h", {}),
        (has("SJB"), "+4d", {}),
        (has("SJB"), "+1m", {}),
        (has("HT"), "+2h", {}),
    ],
)
def test_after_an_unsubscribe_only_the_owed_month_can_be_announced(
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
    assert [f"当月费用{fen // 100}元照常收取" in said.text for fen in owed.values()] == [True] * len(owed), said
    accepted = {}
    ends_at = conversation.account.subscriptions[held.id].ends_at
    assert ends_at is not None
    for period in ("2026-03", "2026-02", "2025-12"):
        for fen in (300, 200, 0):
            wanted = AnnounceCharge("api:billing", f"{period}-{fen}", code, ChargeKind.MONTHLY, fen, ends_at, period)
            conversation.happens(wanted)
            refusal = conversation.answered.refusal
            if refusal is None and fen:
                accepted[period] = fen
    assert accepted == owed
    conversation.play("@ 2026-04-02 12:00")
    taken = [charge_of(conversation, id_) for id_, state in states(conversation).items() if state == "charged"]
    assert {one.period: one.amount_fen for one in taken if one.id != "c-0" and one.amount_fen} == owed


def test_a_kept_subscription_can_be_charged_again() -> None:
    conversation = Conversation(has=(has("HT"),))
    conversation.play("> QXHT\n> KTHT\n> [1008620400] 是\n= HT active")
    assert announce(conversation, "c-1", "HT", 300, "2026-03-20 12:00").refusal is None


def test_the_reply_names_the_announced_amount_of_the_month() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 100, "2026-03-05 12:00")
    conversation.play("@ +2h\n> QXSJB\n< …当月费用1元照常收取…")
    paid = Conversation()
    announce(paid, "c-1", "SJB", 100, "2026-03-02 12:00")
    paid.play("@ +3h\n> QXSJB\n< …当月费用1元已收取…")


def test_uses_until_the_end_within_a_day_are_charged() -> None:
    of = replace(CATALOGUE.services["GS"], cancel_effect=CancelEffect.WITHIN_24H)
    conversation = Conversation(has=(has(of),))
    conversation.play(
        "> QXGS\n< 故事点播(新华)已退订，24小时内(03月03日10时00分前)停止，期间使用仍按2.50元/次收费。…\n@ +1h"
    )
    use(conversation, "u-1", "GS", Channel.SMS)
    assert charge_of(conversation, "use-u-1").amount_fen == 250


def test_a_deferred_reminder_is_not_sent_after_an_unsubscribe() -> None:
    conversation = Conversation(start="2026-03-02 23:00")
    announce(conversation, "c-1", "CL", 500, "2026-03-05 12:00")
    conversation.play("> QXCL\n< [10086977 result] 彩铃…\n@ 2026-03-03 09:00\n<")
    assert states(conversation) == {"c-1": "waived"}


def test_a_deferred_reminder_of_a_service_that_runs_on_is_sent() -> None:
    conversation = Conversation(start="2026-03-02 23:00")
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> QXSJB\n< …当月费用3元照常收取…\n@ 2026-03-03 07:00\n< [10086901 notice] …手机报…")
    conversation.play("> [10086901] 否\n< …已受理…")
    assert states(conversation) == {"c-1": "disputed"}


def test_an_agents_unsubscribe_has_the_same_effect() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    came = conversation.happens(AgentUnsubscribe("api:agent", "SJB", "called"))
    assert "待扣的03月费用3元不再扣收" in came[0].text
    assert states(conversation) == {"c-1": "waived"}


def test_several_services_at_once_each_with_its_charge() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "CL", 500, "2026-03-05 12:00")
    announce(conversation, "c-2", "SJB", 300, "2026-03-05 12:00")
    conversation.play(
        "@ +2h\n> 0000\n> [10086977] 1,3\n< 彩铃…待扣的03月费用5元不再扣收…手机报(新华)…当月费用3元照常收取…"
    )
    assert states(conversation) == {"c-1": "waived", "c-2": "reminded"}


def test_in_english() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN))
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> QXSJB\n< …free of charge; the announced fee of CNY3 (March) is not charged. …")
    assert charge_of(conversation, "c-1").settled_at == shanghai("2026-03-02 10:00")
