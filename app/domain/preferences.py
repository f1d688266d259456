"""Which messages a subscriber wants without asking each time (flows.md 8, 9)."""

from app.domain.records import Record
from app.domain.values import value

PREFERENCES = "preferences"


@value
class Preferences(Record):
    """The preferences of a tenure, with the id ``preferences``; the defaults apply to a tenure without a record.

    Attributes:
        fee_summary: send the monthly fee summary.
        fee_summary_told: the last month, such as ``2026-02``, whose summary was sent.
        data_alerts: send data alerts. None if the subscriber never chose: then only subscribers without a data plan get
            them (flows.md 9, 17).
    """

    fee_summary: bool = False
    data_alerts: bool | None = None
    fee_summary_told: str | None = None

    @property
    def is_open(self) -> bool:
        """Always True, so that turns get them however old they are."""
        return True

    @property
    def needs_settling(self) -> bool:
        """False, as nothing is to be done about it."""
        return False

    def wants_data_alerts(self, *, with_plan: bool) -> bool:
        """Return True if the subscriber gets data alerts."""
        return not with_plan if self.data_alerts is None else self.data_alerts
