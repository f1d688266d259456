"""A whole gateway keeps the properties, with repeats, restarts, faults of the network and downtime."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.effort import effort
from tests.properties.handset import FOREIGN, NO, OURS, PICKS, UNSUBSCRIBE_WORDS
from tests.running import settings_for
from tests.simulation.gateway_life import GatewayLife

CODES = st.sampled_from(["CL", "SJB", "TQ", "LD", "ZQ"])
TEXTS = st.sampled_from(
    [
        "0000",
        "1111",
        "KTZQ",
        "KTTQ",
        "KTCL",
        "QXCL",
        "QXSJB",
        "QXZQ",
        "全部",
        "是",
        "1",
        "好",
        "YE",
        "TS 没订过",
        *NO,
        *UNSUBSCRIBE_WORDS,
        *PICKS,
        "<code 0>",
    ]
)
NUMBERS = st.sampled_from([*OURS, *FOREIGN, "<order 0>", "<order 0>", "<order 1>", "<quiet>"])
AGO = st.sampled_from([0, 0, 0, 0, 0.5, 20])
# Orders in which parts arrive; a part that comes twice is a repeat.
ARRIVALS = st.sampled_from([(0, 1), (1, 0), (0, 0, 1), (1, 0, 1), (2, 0, 1), (2, 2, 1, 0, 1)])
LONG = st.sampled_from(["QXCL", "QXSJB", "KTZQ", "0000", "1,4", "TD1", "全部", "yes", "TS 没订过", "不要了", "<code 0>", "TD<code 0>"])  # fmt: skip


class GatewayMachine(RuleBasedStateMachine):
    """Everything that can happen to a gateway and one of its customers, in any order."""

    template: Path
    folder: Path
    numbers: Iterator[int]
    life: GatewayLife | None = None

    @contextmanager
    def explained(self) -> Iterator[GatewayLife]:
        assert self.life is not None
        try:
            yield self.life
        except AssertionError:
            note(self.life.story)
            raise

    @initialize()
    def begins(self) -> None:
        file = self.folder / f"{next(self.numbers)}.db"
        shutil.copyfile(self.template, file)
        self.life = GatewayLife(settings_for(f"sqlite:///{file}"))

    def teardown(self) -> None:
        if self.life is not None:
            self.life.close()

    @rule(text=TEXTS, number=NUMBERS, copies=st.sampled_from([1, 1, 1, 3]), ago=AGO)
    def she_writes(self, text: str, number: str, copies: int, ago: float) -> None:
        with self.explained() as life:
            life.says(text, to=number, copies=copies, ago=ago)

    @rule(first=st.sampled_from(["", "0000", "KTZQ"]), text=LONG, arrivals=ARRIVALS, number=NUMBERS, minutes=st.sampled_from([0, 0, 0.9]))  # fmt: skip
    def she_writes_much(self, first: str, text: str, arrivals: tuple[int, ...], number: str, minutes: float) -> None:
        with self.explained() as life:
            if first:
                life.says(first)
            life.says_in_parts(text, arrivals, to=number, minutes=minutes)

    @rule(first=st.sampled_from(["0000", "KTZQ"]), text=LONG.filter(lambda text: not text.startswith("TS")), missing=st.integers(0, 1), number=st.sampled_from(["10086", "10086977", "10086901", "<order 0>"]))  # fmt: skip
    def a_part_never_comes(self, first: str, text: str, missing: int, number: str) -> None:
        with self.explained() as life:
            life.says(first)
            life.says_incompletely(text, missing, 2, to=number)

    @rule(code=st.sampled_from(["ZQ", "YYH"]), meanwhile=st.sampled_from(["", "YE", "0000"]), text=st.sampled_from(["是", "yes"]), number=st.sampled_from([*OURS, *FOREIGN, "<quiet>"]))  # fmt: skip
    def a_yes_goes_astray(self, code: str, meanwhile: str, text: str, number: str) -> None:
        with self.explained() as life:
            life.network("ok")
            life.number_is("active")
            life.says(f"KT{code}")
            if meanwhile:
                life.says(meanwhile)
            life.says(text, to=number)

    @rule(code=st.sampled_from(["ZQ", "YYH"]), text=st.sampled_from(["是", "否", "否", "好", "YE"]), number=st.sampled_from(["<order 0>", "<order 0>", "10086"]))  # fmt: skip
    def the_answer_to_a_question_gets_lost(self, code: str, text: str, number: str) -> None:
        with self.explained() as life:
            life.number_is("active")
            life.network("timeout", 1)
            life.says(f"KT{code}")
            life.says(text, to=number)
            life.network("ok")

    @rule(code=st.sampled_from(["CL", "SJB"]), hours=st.sampled_from([0, 0.5]), dispute=st.sampled_from(["<code 0>", "否", "TD"]), number=st.sampled_from(["10086901", "10086901", *OURS]))  # fmt: skip
    def the_answer_to_a_reminder_gets_lost(self, code: str, hours: float, dispute: str, number: str) -> None:
        with self.explained() as life:
            life.network("timeout", 1)
            life.charged(code, 300, 2)
            life.waits(hours=hours)
            life.says(dispute, to=number)
            life.network("ok")
            life.waits(hours=50)

    @rule(texts=st.lists(TEXTS, min_size=2, max_size=4), number=NUMBERS)
    def several_texts_come_at_once(self, texts: list[str], number: str) -> None:
        with self.explained() as life:
            life.says(*texts, to=number)

    @rule(
        code=st.sampled_from(["ZQ", "TQ", "CL"]), answer=st.sampled_from(["是", "1", "是", "好"]), again=st.booleans()
    )
    def she_orders(self, code: str, answer: str, *, again: bool) -> None:
        with self.explained() as life:
            life.says(f"KT{code}")
            life.says(answer, to="<order 0>")
            if again:
                life.restarts()
                life.comes_again(0)

    @rule(index=st.integers(0, 5))
    def a_message_comes_again(self, index: int) -> None:
        with self.explained() as life:
            life.comes_again(index)

    @rule(code=st.sampled_from(["CL", "SJB"]), days=st.sampled_from([0.1, 2]), dispute=st.sampled_from(["", "<code 0>", "否", "TD", "QXCL"]),
          copies=st.integers(1, 2), away=st.sampled_from([0, 0.5, 2]))  # fmt: skip
    def a_fee_is_announced(self, code: str, days: float, dispute: str, copies: int, away: float) -> None:
        with self.explained() as life:
            life.charged(code, 300, days)
            if dispute:
                life.says(dispute, to="10086901", copies=copies)
            life.restarts(away)
            life.waits(hours=3)

    @rule(hours=st.sampled_from([0.02, 1, 2.5, 25, 80, 24 * 9, 24 * 32]))
    def time_passes(self, hours: float) -> None:
        with self.explained() as life:
            life.waits(hours=hours)

    @rule(away=st.sampled_from([0, 0, 1, 30]))
    def the_gateway_restarts(self, away: float) -> None:
        with self.explained() as life:
            life.restarts(away)

    @rule(
        mode=st.sampled_from(["ok", "ok", "reject", "throttle", "timeout", "error"]), count=st.sampled_from([1, 2, 6])
    )
    def the_network_fails(self, mode: str, count: int) -> None:
        with self.explained() as life:
            life.network(mode, count)

    @rule(report=st.sampled_from(["delivered", "undelivered", "expired", "none"]), delay=st.sampled_from([0, 5, 4000]))
    def reports_are(self, report: str, delay: int) -> None:
        with self.explained() as life:
            life.reports(report, delay)

    @rule(code=CODES, channel=st.sampled_from(["web", "agent", "sp"]))
    def somebody_orders(self, code: str, channel: str) -> None:
        with self.explained() as life:
            life.ordered(code, channel)

    @rule(code=CODES)
    def an_agent_ends(self, code: str) -> None:
        with self.explained() as life:
            life.agent_ends(code)

    @rule(code=CODES, ago=st.sampled_from([0, 2, 40]))
    def an_import_brings(self, code: str, ago: float) -> None:
        with self.explained() as life:
            life.imported(code, ago)

    @rule(status=st.sampled_from(["active", "active", "suspended", "closed"]))
    def her_number_is(self, status: str) -> None:
        with self.explained() as life:
            life.number_is(status)


def test_promises_are_kept_by_the_gateway(sqlite_url: str, tmp_path: Path) -> None:
    names = {"template": tmp_path / "gateway.db", "folder": tmp_path, "numbers": itertools.count()}
    machine = type("Machine", (GatewayMachine,), names)
    run_state_machine_as_test(machine, settings=effort(18, 12))
