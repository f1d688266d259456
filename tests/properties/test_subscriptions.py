"""No sequence of messages, calls and clock moves starts or keeps a paid service without a recorded yes, charges a fee
twice or despite a dispute, loses an unsubscribe, or breaks a chain of evidence. Runs the commands in memory."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from app.domain.catalogue import ConfirmMode
from app.domain.policy import ProviderTraits
from tests.commands.transcript import policy
from tests.effort import effort
from tests.properties.handset import FOREIGN, NO, ONE, OURS, PICKS, UNSUBSCRIBE_WORDS, YES
from tests.properties.life import Life
from tests.properties.lines import LINE
from tests.properties.machine import LifeMachine

CODES = st.sampled_from(["CL", "SJB", "TQ", "LD", "FH", "YS", "GS", "MH", "YX", "YYH", "HT", "KD", "QQ", "MF"])
# Services held at the start, or likely to be held later.
HELD = st.sampled_from(["CL", "SJB", "TQ", "MH", "YX", "LD", "YS", "HT"])
NUMBERS = st.sampled_from(
    [*OURS, *FOREIGN, "10086977", "<order 0>", "<order 0>", "<order 1>", "<order 0>", "<quiet>", "10086999"]
)
# Numbers that did not ask about an order.
ASTRAY = st.sampled_from([*OURS, *FOREIGN, "<quiet>", "10086"])
WORDS = ["0000", "1111", "KTYS", "KTYX", "KTLD", "KTCL", "QXCL", "QXSJB", "QXMH", "QXYX", "QXYS", "QXNO", "全部", "查1", "好", "是不是", "TS 我没有订过",
         "TS", "TS <code 0>", "YE", "", "😀", "123", "1,9", "DZXXSF"]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(["0000", "1111", "KTYS", "KTYX"]),
    st.sampled_from(list(PICKS)),
    st.sampled_from([*YES, *NO, *ONE, *UNSUBSCRIBE_WORDS]),
    st.sampled_from(["<code 0>", "<code 1>", "TD<code 0>", "<code 2>", "QX<code 0>", "否<code 0>"]),
)
FORMER = ("0000", "1111", "QXCL", "全部", "1", "是", "否", "YE", "KTYS", "TS 我没有订过", "<code 0>", "DZXXSF", "好")
HOURS = st.sampled_from([1 / 3600, 0.5, 59 / 60, 1, 61 / 60, 2.5, 23, 24, 25, 71, 73, 24 * 8])
MOMENTS = st.sampled_from(["22:00", "21:59", "23:59", "07:00", "08:00", "month-end", "month-begin"])
MONTHS = st.sampled_from([None, -1, 0, 1, 1])
SOON = st.sampled_from([0, 0, 0.5, 59 / 60, 1, 61 / 60, 3])
ORDERS = st.sampled_from(["KTYS", "KTYX", "KTLD", "KTMH", "KTCL", "KTSJB"])
ANSWERS = st.sampled_from(["是", "yes", "1", "１", "<code 0>", "<code 0>"])
DISPUTES = st.sampled_from(["", "", "<code 0>", "<code 0>", "TD<code 0>", "否", "否", "TD", "QXCL", "好"])
# Texts in between, answered from 10086 or another number.
MEANWHILE = st.sampled_from(["", "", "", "YE", "你好", "0000", "1111", "TS", "KTLD"])
AGO = st.sampled_from([0, 0, 0, 0, 0, 0, 0.01, 0.5, 2, 20])
ATTEMPTS = st.sampled_from([("taken", "taken"), ("unknown", "taken"), ("under way", "taken"), ("under way", "unknown")])
CHANNELS = st.sampled_from(["sms", "web", "wap", "app"])


class Customer(LifeMachine):
    """What can happen to a customer, in any order."""

    @initialize(code=st.booleans(), single=st.sampled_from([False, False, False, True]), start=st.sampled_from(
        ["2026-03-02 10:00", "2026-03-31 23:30", "2028-02-28 21:50", "2026-12-31 23:58"]))  # fmt: skip
    def begins(self, *, code: bool, single: bool, start: str) -> None:
        mode = ConfirmMode.CODE if code else ConfirmMode.FIXED
        self.life = Life(
            start=start, policy=policy(confirm_mode=mode), carrier=ProviderTraits("test", single_number=single)
        )

    @rule(text=TEXTS, number=NUMBERS, ago=AGO)
    def she_writes(self, text: str, number: str, ago: float) -> None:
        with self.reporting() as life:
            life.says(text, number, ago)

    @rule(listing=st.booleans(), text=TEXTS, number=NUMBERS)
    def a_part_of_a_message_comes(self, text: str, number: str, *, listing: bool) -> None:
        with self.reporting() as life:
            if listing:
                life.says("0000")
            life.says_a_part(text, number)

    @rule(word=ORDERS, meanwhile=MEANWHILE, text=st.sampled_from(YES), number=ASTRAY)
    def a_yes_goes_astray(self, word: str, meanwhile: str, text: str, number: str) -> None:
        with self.reporting() as life:
            life.says(word)
            if meanwhile:
                life.says(meanwhile)
            life.says(text, number)

    @rule(attempt=ATTEMPTS, word=ORDERS, text=st.sampled_from(["是", "否", "1", "好", "<code 0>", "0000"]), number=st.sampled_from(["<order 0>", "<order 0>", "10086"]))  # fmt: skip
    def she_answers_before_the_receipt(self, attempt: tuple[str, str], word: str, text: str, number: str) -> None:
        with self.reporting() as life:
            life.receipts(*attempt)
            life.says(word)
            life.says(text, number)
            life.receipts("taken")

    @rule(attempt=ATTEMPTS, code=st.sampled_from(["SJB", "CL", "TQ"]), hours=st.sampled_from([0, 0, 0.5, 26]), dispute=DISPUTES, number=st.sampled_from(["10086901", "10086901", *OURS, *FOREIGN]))  # fmt: skip
    def she_disputes_before_the_receipt(self, attempt: tuple[str, str], code: str, hours: float, dispute: str, number: str) -> None:  # fmt: skip
        with self.reporting() as life:
            life.receipts(*attempt)
            life.charged(code, 100, 2)
            life.waits(hours=hours)
            life.says(dispute, number)
            life.receipts("taken")
            life.waits(days=3)

    @rule(word=ORDERS, hours=st.sampled_from([0, 1, 23.5, 24.5, 30]), text=ANSWERS, ago=AGO)
    def her_answer_is_stored_late(self, word: str, hours: float, text: str, ago: float) -> None:
        with self.reporting() as life:
            life.says(word)
            life.waits(hours=hours)
            life.says(text, "<order 0>", ago)

    @rule(code=st.sampled_from(["SJB", "CL", "TQ"]), days=st.sampled_from([0.06, 0.1, 1]), hours=st.sampled_from([1.5, 3, 23]), dispute=DISPUTES, ago=st.sampled_from([1, 2, 2.5, 22.5]))  # fmt: skip
    def her_dispute_is_stored_late(self, code: str, days: float, hours: float, dispute: str, ago: float) -> None:
        with self.reporting() as life:
            life.charged(code, 100, days)
            life.waits(hours=hours)
            life.says(dispute, "10086901", ago)

    @rule(codes=st.lists(CODES, min_size=2, max_size=5), channel=st.sampled_from(["sp", "agent"]), answer=st.sampled_from(["", "否", "是", "好"]))  # fmt: skip
    def others_ask_again_and_again(self, codes: list[str], channel: str, answer: str) -> None:
        with self.reporting() as life:
            for code in codes:
                life.ordered(code, channel)
                if answer:
                    life.says(answer, "<order 0>")

    @rule(code=st.sampled_from(["YX", "CL", "TQ", "YS"]), days=st.sampled_from([0, 4, 100, 181]))
    def she_leaves_and_comes_back(self, code: str, days: float) -> None:
        with self.reporting() as life:
            for _ in range(2):
                life.says(f"KT{code}")
                life.says("是", "<order 0>")
                life.says(f"QX{code}")
                life.waits(days=days)

    @rule(text=st.sampled_from([*YES, *ONE, "<code 0>"]), which=st.sampled_from(["<order 0>", "<order 1>", "10086"]))
    def she_agrees(self, text: str, which: str) -> None:
        with self.reporting() as life:
            life.says(text, which)

    @rule(word=ORDERS, hours=SOON, text=ANSWERS, number=st.sampled_from(["<order 0>", "<order 0>", "10086", "<order 1>"]),
          meanwhile=st.sampled_from(["", "", "", "好", "否", "0000", "KTLD", "suspended", "price"]))  # fmt: skip
    def she_orders(self, word: str, hours: float, text: str, number: str, meanwhile: str) -> None:
        with self.reporting() as life:
            life.says(word)
            life.waits(hours=hours)
            if meanwhile == "suspended":
                life.number_is(status="suspended")
            elif meanwhile == "price":
                life.offered(word.removeprefix("KT"), 777)
            elif meanwhile:
                life.says(meanwhile, "<order 0>")
            life.says(text, number)

    @rule(code=st.sampled_from(["SJB", "MH", "YS", "CL"]), text=st.sampled_from([*YES, "<code 0>"]))
    def she_thinks_again(self, code: str, text: str) -> None:
        with self.reporting() as life:
            life.says(f"QX{code}")
            life.says(f"KT{code}")
            life.says(text, "<order 0>")

    @rule(word=st.sampled_from(["KTYS", "KTLD", "KTYX"]), text=ANSWERS, days=st.sampled_from([0.1, 2, 3, 4]))
    def a_new_service_is_billed(self, word: str, text: str, days: float) -> None:
        with self.reporting() as life:
            life.says(word)
            life.says(text, "<order 0>")
            life.charged(word.removeprefix("KT"), 100, days)
            life.waits(days=days + 0.1)

    @rule(code=st.sampled_from(["SJB", "SJB", "CL", "TQ", "HT"]), days=st.sampled_from([0.1, 1, 1, 30]), hours=SOON, dispute=DISPUTES, months=MONTHS, again=MONTHS,
          leaves=st.booleans(), then=st.sampled_from([0, 1, 1, 4, 31]))  # fmt: skip
    def what_she_has_is_billed_twice(
        self, *, code: str, days: float, hours: float, dispute: str, months: int | None, again: int | None, leaves: bool, then: float
    ) -> None:  # fmt: skip
        with self.reporting() as life:
            life.charged(code, 100, days, months)
            life.waits(hours=hours)
            if dispute:
                life.says(dispute, "10086901")
            life.charged(code, 200, days, again)
            if leaves:
                life.waits(hours=hours)
                life.says(f"QX{code}")
            life.waits(days=then)

    @rule(code=st.sampled_from(["MH", "MH", "YX"]), text=st.sampled_from([*YES, "<code 0>", "<code 0>"]), days=st.sampled_from([0, 1, 3, 7]), months=st.sampled_from([None, -1, -1, 0]))  # fmt: skip
    def a_trial_comes_to_its_end(self, *, code: str, text: str, days: float, months: int | None) -> None:
        with self.reporting() as life:
            life.imported(code, state="trial")
            life.waits(days=4.5)
            life.says(text, "<order 0>")
            life.charged(code, 100, 4, months)
            life.waits(days=days)

    @rule(text=st.sampled_from(list(PICKS)))
    def she_picks(self, text: str) -> None:
        with self.reporting() as life:
            life.says("0000")
            life.says(text, "10086977")

    @rule(text=st.sampled_from(["<code 0>", "<code 1>", "TD<code 0>", *NO, *UNSUBSCRIBE_WORDS]))
    def she_disputes(self, text: str) -> None:
        with self.reporting() as life:
            life.says(text, "10086901")

    @rule(
        text=st.sampled_from(["QXCL", "QXSJB", "是", "<code 0>", "TD"]),
        number=st.sampled_from(["10086", "<order 0>", "10086901"]),
    )
    def she_writes_too_much(self, text: str, number: str) -> None:
        with self.reporting() as life:
            for _ in range(31):
                life.says("YE")
            life.says(text, number)
            life.waits(hours=1 / 60)

    @rule(hours=HOURS)
    def she_waits(self, hours: float) -> None:
        with self.reporting() as life:
            life.waits(hours=hours)

    @rule(moment=MOMENTS)
    def it_becomes(self, moment: str) -> None:
        with self.reporting() as life:
            life.waits_until(moment)

    @rule(taking=st.sampled_from([True, True, True, False]))
    def the_network_is(self, *, taking: bool) -> None:
        with self.reporting() as life:
            life.network(taking=taking)

    @rule(code=st.sampled_from(["HT", "HT", "SJB"]), days=st.sampled_from([0.1, 0.4, 0.9]))
    def she_leaves_as_the_month_ends(self, code: str, days: float) -> None:
        with self.reporting() as life:
            life.waits_until("month-end")
            life.says(f"QX{code}")
            life.charged(code, 100, days)
            life.waits(days=1.5)

    @rule(code=CODES, channel=st.sampled_from(["web", "wap", "app", "agent", "sp"]))
    def somebody_orders(self, code: str, channel: str) -> None:
        with self.reporting() as life:
            life.ordered(code, channel)

    @rule(
        code=HELD,
        fen=st.sampled_from([0, 100, 200, 300, 500, 550, 900]),
        days=st.sampled_from([0.01, 0.2, 1, 4, 30]),
        months=MONTHS,
    )
    def billing_announces(self, code: str, fen: int, days: float, months: int | None) -> None:
        with self.reporting() as life:
            life.charged(code, fen, days, months)

    @rule(channel=CHANNELS, ago=AGO)
    def she_uses(self, channel: str, ago: float) -> None:
        with self.reporting() as life:
            life.uses("GS", channel, ago)

    @rule(prices=st.lists(st.sampled_from([0, 100, 250, 900, 99_900]), min_size=1, max_size=4), channel=st.sampled_from(["sms", "sms", "web"]), ago=AGO,
          dispute=DISPUTES, taking=st.booleans(), then=st.sampled_from([0, 26, 75]))  # fmt: skip
    def she_uses_what_changes_its_price(
        self, *, prices: list[int], channel: str, ago: float, dispute: str, taking: bool, then: float
    ) -> None:
        with self.reporting() as life:
            for fen in prices:
                life.uses("GS", channel)
                life.offered("GS", fen)
                life.waits(hours=0.2)
                life.uses("GS", channel, ago)
            if dispute:
                life.says(dispute, "10086901")
            life.network(taking=taking)
            life.uses("GS", "sms")
            life.waits(hours=then)

    @rule(code=st.sampled_from(["SJB", "CL", "TQ", "HT"]), days=st.sampled_from([0.1, 1, 3]), dispute=DISPUTES, hours=SOON,
          decision=st.sampled_from(["upheld", "upheld", "cancelled", ""]), wait=st.sampled_from([0, 0.2, 1.5, 4]), months=MONTHS)  # fmt: skip
    def a_fee_falls_due_in_suspension(
        self, *, code: str, days: float, dispute: str, hours: float, decision: str, wait: float, months: int | None
    ) -> None:
        with self.reporting() as life:
            life.charged(code, 100, days, months)
            life.waits(hours=hours)
            if dispute:
                life.says(dispute, "10086901")
            life.number_is(status="suspended")
            life.waits(days=wait)
            if decision:
                life.staff(0, decision)
            life.number_is(status="active")
            if decision:
                life.staff(0, decision)
            life.waits(days=1)

    @rule(code=st.sampled_from(["CL", "TQ", "HT", "HT", "SJB"]), moment=st.sampled_from(["", "", "month-end"]), days=st.sampled_from([0.1, 1, 4]),
          months=st.sampled_from([None, None, -1, 0]), back=st.sampled_from(["", "", "是", "是", "<code 0>"]))  # fmt: skip
    def she_is_billed_after_she_left(
        self, *, code: str, moment: str, days: float, months: int | None, back: str
    ) -> None:
        with self.reporting() as life:
            life.charged(code, 100, days, months)
            life.waits(days=days + 0.1)
            if moment:
                life.waits_until(moment)
            life.says(f"QX{code}")
            if back:
                life.says(f"KT{code}")
                life.says(back, "<order 0>")
            life.charged(code, 100, days, months)
            # A fee waits for three days after a yes.
            life.waits(days=days + 4)

    @rule(code=HELD)
    def an_agent_ends(self, code: str) -> None:
        with self.reporting() as life:
            life.agent_ends(code)

    @rule(code=CODES, line=st.fixed_dictionaries(LINE))
    def an_import_brings(self, code: str, line: dict[str, Any]) -> None:
        with self.reporting() as life:
            life.imported(code, **line)

    @rule(code=HELD, fen=st.sampled_from([100, 700, 1200]))
    def a_price_changes(self, code: str, fen: int) -> None:
        with self.reporting() as life:
            life.offered(code, fen)

    @rule(code=HELD, fen=st.sampled_from([100, 700, 1200]), days=st.sampled_from([0.4, 3, 30]))
    def terms_are_announced(self, code: str, fen: int, days: float) -> None:
        with self.reporting() as life:
            life.new_terms(code, fen, days)

    @rule(status=st.sampled_from(["active", "active", "active", "suspended", "suspended", "closed"]))
    def her_number_is(self, status: str) -> None:
        with self.reporting() as life:
            life.number_is(status=status)

    @precondition(lambda self: self.life.facts().subscriber.tenure > 1)
    @rule(text=st.sampled_from(FORMER), number=NUMBERS, days=st.sampled_from([0.001, 0.9, 30]))
    def a_former_customer_writes(self, text: str, number: str, days: float) -> None:
        with self.reporting() as life:
            life.former_customer_says(text, number, days)

    @precondition(lambda self: self.life.facts().subscriber.tenure > 1)
    @rule(code=st.just("GS"), channel=CHANNELS, days=st.sampled_from([0.001, 0.9, 30]))
    def a_use_of_a_former_customer_is_reported(self, code: str, channel: str, days: float) -> None:
        with self.reporting() as life:
            life.former_customer_used(code, channel, days)

    @rule(fen=st.sampled_from([0, 3000, 3000]))
    def her_balance_is(self, fen: int) -> None:
        with self.reporting() as life:
            life.number_is(balance_fen=fen)

    @rule(index=st.integers(0, 2), decision=st.sampled_from(["cancelled", "upheld", "done"]), charge=st.integers(0, 3),
          refund=st.sampled_from([None, "double", "principal", "none"]))  # fmt: skip
    def staff_decide(self, index: int, decision: str, refund: str | None, charge: int) -> None:
        with self.reporting() as life:
            life.staff(index, decision, refund, charge)

    @rule(index=st.integers(0, 2), confirmed=st.booleans())
    def staff_decide_a_second_half(self, index: int, *, confirmed: bool) -> None:
        with self.reporting() as life:
            life.second_half(index, confirmed=confirmed)


TestCustomer = Customer.TestCase
TestCustomer.settings = effort(300, 25)
