"""No sequence of imports, calls, texts and clock moves makes a service dearer or longer, or revives it, without a
recorded yes (safety.md 3, 8, 11). Runs the commands in memory."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.commands.world import has
from tests.effort import effort
from tests.properties.life import Life
from tests.properties.lines import LINE, PRICES
from tests.properties.machine import LifeMachine

# Paid; in the plan; ending at the month's end; with a trial of two or of seven days; not held.
CODES = st.sampled_from(["CL", "LD", "SJB", "YX", "MH", "YS"])
HOURS = st.sampled_from([0.01, 1, 1, 20, 25, 30, 73])
DAYS = st.sampled_from([1, 2, 4, 8, 31])


class Imported(LifeMachine):
    """What can happen to a customer whose services are imported."""

    @initialize(start=st.sampled_from(["2026-03-02 10:00", "2026-03-30 09:00"]))
    def begins(self, start: str) -> None:
        self.life = Life(start=start, has=(has("CL"), has("LD", in_plan=True), has("SJB")))

    @rule(code=CODES, line=st.fixed_dictionaries(LINE))
    def a_line_comes(self, code: str, line: dict[str, Any]) -> None:
        with self.reporting() as life:
            life.imported(code, **line)

    @rule(code=CODES, text=st.sampled_from(["是", "是", "否", "再想想", ""]), hours=HOURS)
    def she_orders(self, code: str, text: str, hours: float) -> None:
        with self.reporting() as life:
            life.says(f"KT{code}")
            if text:
                life.says(text, "<order 0>")
            life.waits(hours=hours)

    @rule(text=st.sampled_from(["是", "否"]))
    def she_answers(self, text: str) -> None:
        with self.reporting() as life:
            life.says(text, "<order 0>")

    @rule(code=CODES, hours=HOURS)
    def she_leaves(self, code: str, hours: float) -> None:
        with self.reporting() as life:
            life.says(f"QX{code}")
            life.waits(hours=hours)

    @rule(days=DAYS)
    def days_pass(self, days: float) -> None:
        with self.reporting() as life:
            life.waits(days=days)

    @rule(code=CODES, channel=st.sampled_from(["web", "sp"]))
    def somebody_orders(self, code: str, channel: str) -> None:
        with self.reporting() as life:
            life.ordered(code, channel)

    @rule(code=CODES, fen=PRICES, effect=st.sampled_from([None, "immediate", "month_end"]), sp=st.sampled_from([None, None, "MOJI"]))  # fmt: skip
    def the_offer_changes(self, code: str, fen: int, effect: str | None, sp: str | None) -> None:
        with self.reporting() as life:
            life.offered(code, fen, effect, sp)

    @rule(code=CODES, fen=PRICES, days=st.sampled_from([0.4, 3, 30]))
    def terms_are_announced(self, code: str, fen: int, days: float) -> None:
        with self.reporting() as life:
            life.new_terms(code, fen, days)

    @rule(status=st.sampled_from(["active", "active", "suspended"]))
    def her_number_is(self, status: str) -> None:
        with self.reporting() as life:
            life.number_is(status=status)


TestImported = Imported.TestCase
TestImported.settings = effort(150, 20)
