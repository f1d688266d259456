"""What she wants to be told without asking (flows.md 8, 9)."""

from app.domain.records import Record
from app.domain.values import value

PREFERENCES = "preferences"


@value
class Preferences(Record):
    """One for each tenure, with the id ``preferences``; where there is none, these defaults hold.

    ``fee_summary``: the monthly information-fee reminder; ``fee_summary_told`` is the last month that it told of.
    ``data_alerts``: None where she never chose; then customers without a plan are told and those with one are not
    (flows.md 9, 17).
    """

    fee_summary: bool = False
    data_alerts: bool | None = None
    fee_summary_told: str | None = None

    @property
    def is_open(self) -> bool:
        """They count for as long as the number is hers."""
        return True

    def wants_data_alerts(self, *, with_plan: bool) -> bool:
        """Whether she is told of her data usage."""
        return not with_plan if self.data_alerts is None else self.data_alerts
