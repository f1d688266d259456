"""What a test needs to be there, in one line each."""

import json

import pytest

from smsgw_testkit import Gateway, SmsgwError
from smsgw_testkit.dialling import Numbers
from smsgw_testkit.directory import DEMO_PROVIDERS
from tests.testkit.conftest import ROOT


def test_a_service_and_who_has_it(smsgw: Gateway) -> None:
    smsgw.provider("ZY", name="知音传媒", short_name="知音")
    smsgw.service("BAO", name="知音报", price_fen=300)
    reader = smsgw.subscriber().has("BAO", since="2026-01-05 09:00")
    assert reader.send("0000").items[1].sp == "知音"
    assert "知音报" in reader.reply("1").text


def test_an_sp_that_is_not_there(smsgw: Gateway) -> None:
    with pytest.raises(SmsgwError, match=r"there is no SP NOBODY; make it: smsgw.provider\('NOBODY'\)"):
        smsgw.sp("NOBODY", webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_x")


def test_without_naming_anything(smsgw: Gateway) -> None:
    smsgw.service("BAO")
    customer = smsgw.subscriber()
    order = smsgw.order(customer, "BAO")
    assert order.state == "awaiting_confirmation"
    customer.reply("是")
    assert order.state == "confirmed"
    assert customer.subscriptions["BAO"].price_fen == 300


def test_a_fee_is_doubted_by_its_code(smsgw: Gateway) -> None:
    smsgw.service("BAO")
    customer = smsgw.subscriber().has("BAO")
    charge = smsgw.charge(customer, "BAO", 300, due="2026-03-03 12:00")
    assert charge.state == "reminded"
    customer.reply(customer.receive().code)
    assert charge.state == "disputed"
    [ticket] = customer.tickets
    assert ticket.state == "open"
    ticket.answer("我们正在核实。")
    ticket.resolve("cancelled", "不再收取。")
    assert (ticket.state, charge.state) == ("resolved", "cancelled")
    assert ticket.number in [one.number for one in smsgw.tickets]


def test_without_waiting_several_things_are_under_way(smsgw: Gateway) -> None:
    smsgw.service("BAO")
    customer = smsgw.subscriber().has("BAO")
    order = smsgw.order(customer, "ZQ", wait=False)
    charge = smsgw.charge(customer, "BAO", 300, due="2026-03-03 12:00", wait=False)
    smsgw.spend(customer, 1234, wait=False)
    smsgw.usage(customer, mb=5, wait=False)
    smsgw.bill(customer, {"套餐月费": 5800}, month="2026-02", wait=False)
    smsgw.post_as_carrier(customer.number, "10086", "TS 没有订过", wait=False)
    assert (order.state, charge.state) == ("awaiting_confirmation", "reminded")
    [ticket] = customer.tickets
    ticket.answer("我们正在核实。", wait=False)
    ticket.resolve(message="已核实。", wait=False)
    assert [words in customer.inbox for words in ("足球快讯", "正在核实", "已核实")] == [True, True, True]


def test_usage_bills_and_spend(smsgw: Gateway) -> None:
    customer = smsgw.subscriber(plan={"name": "流量套餐", "data_kb": 102400})
    smsgw.usage(customer, mb=53.5)
    assert "53.5" in customer.send("CXYL").text
    smsgw.bill(customer, {"套餐月费": 5800}, month="2026-02")
    assert "58元" in customer.send("ZD").text
    smsgw.spend(customer, 1234)
    assert "12.34元" in customer.send("HF").text


def test_a_use_is_a_charge(smsgw: Gateway) -> None:
    smsgw.service("DIAN", billing="per_use", price_fen=250)
    charge = smsgw.use(smsgw.subscriber(), "DIAN")
    assert charge.read()["amount_fen"] == 250


def test_campaigns_and_consent(smsgw: Gateway) -> None:
    willing, other = smsgw.subscriber(), smsgw.subscriber()
    willing.consent()
    campaign = smsgw.campaign("周末音乐会", [willing, other], kind="marketing")
    smsgw.clock.advance(minutes=5)
    assert campaign.state == "done"
    assert campaign.counts["skipped"]["no_consent"] == 1
    assert "周末音乐会" in willing.inbox
    assert other.inbox == []


def test_the_kit_knows_the_sps_of_the_demo() -> None:
    demo = json.loads((ROOT / "app" / "services" / "demo.json").read_text("utf-8"))
    assert {
        code: (sp["name"], sp["short_name"], sp["service_phone"])
        for code, sp in demo["service_providers"].items()
        if not sp["own"]
    } == DEMO_PROVIDERS


@pytest.mark.parametrize("is_shared", [False, True])
def test_numbers_are_of_one_test_alone(*, is_shared: bool) -> None:
    workers = [Numbers.of(worker, is_shared=is_shared) for worker in (0, 1)]
    drawn = [numbers.next() for numbers in workers for _ in range(50)]
    assert len(set(drawn)) == 100
    assert {len(number) for number in drawn} == {11}
