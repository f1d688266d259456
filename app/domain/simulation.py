"""The simulated network: how it answers sends, what it reports of the messages that it took, what a reset keeps."""

from enum import StrEnum


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
