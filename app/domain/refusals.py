"""Refusals of calls: a reason, and a sentence that says what is wrong and what to do."""

from enum import StrEnum

from app.domain.values import value


class RefusalReason(StrEnum):
    """What is wrong with a call of the management API or the simulator. Callers tell reasons apart by their values.

    Some come with a sentence, above all the first three, which are general: what the call is about does not exist, the
    call does not fit the present state, one of its values is not allowed. The others say all by themselves; the
    caller's interface has their sentences.
    """

    UNKNOWN = "not_found"
    CONFLICT = "conflict"
    INVALID = "invalid_value"
    UNKNOWN_SUBSCRIBER = "unknown_subscriber"
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_SP = "unknown_service_provider"
    # A value of the call names a subscriber, service or SP that does not exist.
    INVALID_MSISDN = "invalid_msisdn"
    INVALID_SERVICE_CODE = "invalid_service_code"
    INVALID_SP_CODE = "invalid_sp_code"
    REASON_MISSING = "reason_missing"
    TENURE_CLOSED = "tenure_closed"
    TENURE_IN_USE = "tenure_in_use"
    TRIAL_OVER = "trial_over"
    NO_UNCHARGED_USE = "no_uncharged_use"
    NO_CONSENT = "no_consent"
    ALREADY_CHARGED = "already_charged"
    ALREADY_REFUNDED = "already_refunded"
    NOT_SUBSCRIBED = "not_subscribed"
    UNDER_CONTRACT = "under_contract"
    PASSWORD_SET = "password_set"  # noqa: S105  no password
    ID_TAKEN = "id_taken"
    NAME_TAKEN = "name_taken"
    SERVICE_HELD = "service_held"
    CHANGED_MEANWHILE = "changed_meanwhile"
    TICKET_RESOLVED = "ticket_resolved"
    FORMER_CUSTOMER = "former_customer"
    STILL_SENDING = "still_sending"
    NO_LONGER_TRUE = "no_longer_true"
    CLOCK_SET_BACK = "clock_set_back"
    CLOCK_ADVANCED_BACK = "clock_advanced_back"


@value
class Refusal:
    """The refusal of a management call; ``detail`` is empty if the reason says all."""

    reason: RefusalReason
    detail: str = ""
