"""Refusals of calls: a reason, and a sentence that says what is wrong and what to do."""

from enum import StrEnum

from app.domain.values import value


class RefusalReason(StrEnum):
    """What is wrong with a call of the management API or the simulator.

    The first three are general and come with a sentence: what the call is about does not exist, the call does not fit
    the present state, one of its values is not allowed. The others say all by themselves; the caller's interface has
    their sentences.
    """

    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    INVALID = "invalid"
    UNKNOWN_SUBSCRIBER = "unknown subscriber"
    UNKNOWN_SERVICE = "unknown service"
    # A value of the call names a subscriber, service or SP that does not exist.
    INVALID_MSISDN = "invalid msisdn"
    INVALID_SERVICE_CODE = "invalid service code"
    INVALID_SP_CODE = "invalid sp code"
    REASON_MISSING = "reason missing"
    TENURE_CLOSED = "tenure closed"
    TENURE_IN_USE = "tenure in use"
    TRIAL_OVER = "trial over"
    NO_UNCHARGED_USE = "no uncharged use"
    ALREADY_REFUNDED = "already refunded"
    CLOCK_SET_BACK = "clock set back"
    CLOCK_ADVANCED_BACK = "clock advanced back"


@value
class Refusal:
    """The refusal of a management call; ``detail`` is empty if the reason says all."""

    reason: RefusalReason
    detail: str = ""
