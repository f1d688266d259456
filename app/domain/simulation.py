"""The simulated network: how it answers sends, what it reports of the messages that it took, what a reset keeps."""

from collections.abc import Mapping
from enum import StrEnum

from app.domain.values import replace, value


class FaultMode(StrEnum):
    """How the simulated network answers sends; ``timeout``: it takes the message, but its answer is lost."""

    OK = "ok"
    REJECT = "reject"
    THROTTLE = "throttle"
    TIMEOUT = "timeout"
    ERROR = "error"


class SimulatedReport(StrEnum):
    """The status in the delivery reports of the simulated network; ``none``: it sends no reports."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    NONE = "none"


class Kept(StrEnum):
    """What a reset may keep; ``tokens``: those of the management API."""

    TOKENS = "tokens"


MILLION = 1_000_000


@value
class Fault:
    """How sends are answered.

    Attributes:
        rate_ppm: how many of a million sends the fault hits.
        count: how many it still hits; None: no end.
    """

    mode: FaultMode
    rate_ppm: int = MILLION
    count: int | None = None

    @property
    def rate(self) -> float:
        """The share of sends that the fault hits, from 0 to 1."""
        return self.rate_ppm / MILLION

    def after_one(self) -> "Fault":
        """Return what is left when the fault has hit once."""
        return self if self.count is None else replace(self, count=self.count - 1)


@value
class Reporting:
    """The delivery report of messages, and how many seconds after a message it comes."""

    status: SimulatedReport
    delay_seconds: int = 0


@value
class Fate:
    """What becomes of every message to one number; what it does not name is as for all others.

    Attributes:
        answers: those to the first attempts at a message; the last one is that to all further attempts.
        reports_twice: the report is followed by another one, which is older.
        what: the same in a few words.
    """

    what: str
    answers: tuple[FaultMode, ...] = ()
    reporting: Reporting | None = None
    reports_twice: bool = False

    def answer_to(self, attempt: int) -> FaultMode | None:
        """Return the answer to an attempt at a message, counted from 1; None: as for all others."""
        return self.answers[min(attempt, len(self.answers)) - 1] if self.answers else None


# In demo and test, for clients that cannot set anything.
FATES: Mapping[str, Fate] = {
    "+8617000000001": Fate("taken, and never delivered", reporting=Reporting(SimulatedReport.UNDELIVERED)),
    "+8617000000002": Fate("taken, and then it expires", reporting=Reporting(SimulatedReport.EXPIRED)),
    "+8617000000003": Fate("refused for good", answers=(FaultMode.REJECT,)),
    "+8617000000004": Fate(
        "refused for now twice, then taken", answers=(FaultMode.ERROR, FaultMode.ERROR, FaultMode.OK)
    ),
    "+8617000000005": Fate(
        "taken, but the answer to the first attempt is lost", answers=(FaultMode.TIMEOUT, FaultMode.OK)
    ),
    "+8617000000006": Fate("taken, and never reported on", reporting=Reporting(SimulatedReport.NONE)),
    "+8617000000007": Fate("taken, and reported after 60 s", reporting=Reporting(SimulatedReport.DELIVERED, 60)),
    "+8617000000008": Fate(
        "taken, and reported twice: delivered, then by an older report undelivered",
        reporting=Reporting(SimulatedReport.DELIVERED),
        reports_twice=True,
    ),
}
