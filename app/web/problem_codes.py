"""The codes of problems: the one table of what can be wrong with a call, from which docs/problems.md is generated.

A code keeps its meaning for ever. The code of a refusal of the services is the value of its reason.
"""

from collections.abc import Mapping
from enum import StrEnum

from app.domain.refusals import RefusalReason
from app.domain.values import value


class Code(StrEnum):
    """What is wrong with a call, where the web layer says it."""

    BODY_INCOMPLETE = "body_incomplete"
    NOT_JSON = "not_json"
    NOT_HTTP = "not_http"
    TOKEN_MISSING = "token_missing"  # noqa: S105  no secret
    SIGNATURE_INVALID = "signature_invalid"
    SCOPE_MISSING = "scope_missing"
    OTHER_ORIGIN = "other_origin"
    NO_SUCH_PATH = "no_such_path"
    UNKNOWN_PROVIDER = "unknown_provider"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_SLOW = "too_slow"
    KEY_REUSED = "key_reused"
    KEY_IN_USE = "key_in_use"
    BODY_TOO_LARGE = "body_too_large"
    MEDIA_TYPE = "unsupported_media_type"
    OTHER_HOST = "other_host"
    INVALID_FIELDS = "invalid_fields"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_KEY = "invalid_key"
    UNREADABLE = "unreadable"
    PASSWORD_IN_CALL = "password_in_call"  # noqa: S105  no password
    HEAD_TOO_LARGE = "head_too_large"
    INTERNAL = "internal_error"
    DATABASE_AWAY = "database_away"
    BUSY = "busy"
    CARRIER_AWAY = "carrier_away"
    OTHER = "other"


AnyCode = Code | RefusalReason


@value
class Meaning:
    """The status of a code and what it means."""

    status: int
    text: str


_R = RefusalReason
MEANINGS: Mapping[AnyCode, Meaning] = {
    Code.BODY_INCOMPLETE: Meaning(400, "The body ended before it was whole."),
    Code.NOT_JSON: Meaning(400, "The body is not JSON in UTF-8 from its first byte on."),
    Code.NOT_HTTP: Meaning(400, "The bytes are no HTTP request."),
    Code.TOKEN_MISSING: Meaning(401, "The token is missing, unknown, expired or revoked."),
    Code.SIGNATURE_INVALID: Meaning(401, "A webhook's signature or path token is missing, wrong or too old."),
    Code.SCOPE_MISSING: Meaning(403, "The token lacks the scope that the call needs; the detail names it."),
    Code.OTHER_ORIGIN: Meaning(403, "A page of another origin sent a write to a gateway in demo, dev or test."),
    _R.UNKNOWN: Meaning(404, "There is nothing with this id."),
    _R.UNKNOWN_SUBSCRIBER: Meaning(404, "The number has no subscriber."),
    _R.UNKNOWN_SERVICE: Meaning(404, "There is no service with this code."),
    _R.UNKNOWN_SP: Meaning(404, "There is no service provider with this code."),
    _R.NOT_SUBSCRIBED: Meaning(404, "The customer does not have this service, or not any more."),
    Code.NO_SUCH_PATH: Meaning(404, "There is nothing at this path."),
    Code.UNKNOWN_PROVIDER: Meaning(404, "There is no provider, or no webhook, of this name."),
    Code.METHOD_NOT_ALLOWED: Meaning(405, "The path has no such method; `Allow` lists those that it has."),
    Code.TOO_SLOW: Meaning(408, "The request did not come in time."),
    _R.CONFLICT: Meaning(409, "The call does not fit the present state; the detail says why."),
    _R.ID_TAKEN: Meaning(409, "Another body was sent with this id before."),
    _R.NAME_TAKEN: Meaning(409, "A name or keyword would be mistaken for another one."),
    _R.SERVICE_HELD: Meaning(409, "Customers have the service, so this cannot change."),
    _R.TENURE_CLOSED: Meaning(409, "The subscriber is closed."),
    _R.TENURE_IN_USE: Meaning(409, "The tenure is not closed yet."),
    _R.UNDER_CONTRACT: Meaning(409, "The service is under contract and cannot be ended yet."),
    _R.PASSWORD_SET: Meaning(409, "There is a service password already."),
    _R.ALREADY_CHARGED: Meaning(409, "There is a fee of this service and month."),
    _R.ALREADY_REFUNDED: Meaning(409, "The charge was refunded already."),
    _R.TICKET_RESOLVED: Meaning(409, "The ticket is resolved."),
    _R.FORMER_CUSTOMER: Meaning(409, "It is a former customer's; the number has another holder since, or none."),
    _R.STILL_SENDING: Meaning(409, "The message is still on its way."),
    _R.NO_LONGER_TRUE: Meaning(409, "The time of the message is over."),
    _R.CLOCK_SET_BACK: Meaning(409, "The simulator's clock goes back only right after a reset."),
    _R.CLOCK_ADVANCED_BACK: Meaning(409, "The simulator's clock only goes forward."),
    Code.KEY_REUSED: Meaning(409, "The `Idempotency-Key` was used for another request."),
    Code.KEY_IN_USE: Meaning(409, "The request with this `Idempotency-Key` is under way."),
    _R.CHANGED_MEANWHILE: Meaning(412, "It is not as `If-Match` says: somebody changed it. Read it again."),
    Code.BODY_TOO_LARGE: Meaning(413, "The body is too large; the detail says how much it may have."),
    Code.MEDIA_TYPE: Meaning(415, "The media type, charset or content encoding is not supported."),
    Code.OTHER_HOST: Meaning(421, "The host name is not one of a gateway in demo, dev or test."),
    Code.INVALID_FIELDS: Meaning(422, "Fields are missing or wrong; `errors` names each with its problem."),
    Code.INVALID_CURSOR: Meaning(422, "The cursor is not one of this list in this order."),
    Code.INVALID_KEY: Meaning(422, "The `Idempotency-Key` has another form than it may have."),
    Code.UNREADABLE: Meaning(422, "The body begins as what it should be, and cannot be read to its end."),
    Code.PASSWORD_IN_CALL: Meaning(422, "An id, a filter or a key holds what looks like a password."),
    _R.INVALID: Meaning(422, "A value is not allowed; the detail names its field."),
    _R.INVALID_MSISDN: Meaning(422, "`msisdn` names no subscriber."),
    _R.INVALID_SERVICE_CODE: Meaning(422, "`service_code` names no service."),
    _R.INVALID_SP_CODE: Meaning(422, "`sp_code` names no service provider."),
    _R.REASON_MISSING: Meaning(422, "The header `X-Reason` is missing, or says less than 5 visible characters."),
    _R.NO_CONSENT: Meaning(422, "The customer did not agree to this fee."),
    _R.NO_UNCHARGED_USE: Meaning(422, "There is no use without a charge on record."),
    _R.TRIAL_OVER: Meaning(422, "The trial to import is over."),
    Code.HEAD_TOO_LARGE: Meaning(431, "The head of the request has too many lines or bytes."),
    Code.INTERNAL: Meaning(500, "Something went wrong in the gateway; its log says what."),
    Code.DATABASE_AWAY: Meaning(503, "The database is away; try again after `Retry-After` seconds."),
    Code.BUSY: Meaning(503, "Too much is under way; try again after `Retry-After` seconds."),
    Code.CARRIER_AWAY: Meaning(503, "The carrier beside a demo did not take the text."),
    Code.OTHER: Meaning(0, "Anything else; the status says all."),
}
