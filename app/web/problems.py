"""Error answers as RFC 9457 problem details. None of them quotes what was sent."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app import observability
from app.domain.masking import masked
from app.domain.refusals import Refusal, RefusalReason
from app.domain.storage import StorageUnavailableError
from app.providers.validation import location_of
from app.services.refusals import RefusedError
from app.web.methods import allowed_methods

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "5"
_MAX_ERRORS = 100
OUR_FAULT = "Something went wrong on our side; it is in the log."
log = observability.logger(__name__)


# The status of each reason for which a call is refused.
_STATUSES = {
    RefusalReason.UNKNOWN: 404,
    RefusalReason.CONFLICT: 409,
    RefusalReason.INVALID: 422,
    RefusalReason.UNKNOWN_SUBSCRIBER: 404,
    RefusalReason.UNKNOWN_SERVICE: 404,
    RefusalReason.INVALID_MSISDN: 422,
    RefusalReason.INVALID_SERVICE_CODE: 422,
    RefusalReason.INVALID_SP_CODE: 422,
    RefusalReason.REASON_MISSING: 422,
    RefusalReason.TENURE_CLOSED: 409,
    RefusalReason.TENURE_IN_USE: 409,
    RefusalReason.TRIAL_OVER: 422,
    RefusalReason.NO_UNCHARGED_USE: 422,
    RefusalReason.ALREADY_REFUNDED: 409,
    RefusalReason.CLOCK_SET_BACK: 409,
    RefusalReason.CLOCK_ADVANCED_BACK: 409,
}
# The sentences of the reasons that come without one. They name the calls that help.
_SENTENCES = {
    RefusalReason.UNKNOWN_SUBSCRIBER: "No such subscriber: create it with PUT /api/v1/subscribers/{msisdn}.",
    RefusalReason.UNKNOWN_SERVICE: "No such service: create it with PUT /api/v1/services/{service_code}.",
    RefusalReason.INVALID_MSISDN: "msisdn: no such subscriber; create it with PUT /api/v1/subscribers/{msisdn}.",
    RefusalReason.INVALID_SERVICE_CODE: "service_code: no such service; create it with PUT "
    "/api/v1/services/{service_code}.",
    RefusalReason.INVALID_SP_CODE: "sp_code: no such service provider; create it with PUT "
    "/api/v1/service-providers/{sp_code}.",
    RefusalReason.REASON_MISSING: "X-Reason: say why, in at least 5 visible characters; it is kept with your name.",
    RefusalReason.TENURE_CLOSED: "This tenure is closed: PUT the subscriber with status active to open a new one.",
    RefusalReason.TENURE_IN_USE: "This tenure is in use: close it first (PUT the subscriber with status closed).",
    RefusalReason.TRIAL_OVER: "trial_ends_at is over. Leave out what has ended; DELETE ends what is subscribed here.",
    RefusalReason.NO_UNCHARGED_USE: "kind: there is no use without a charge on record; POST /api/v1/usage/per-use "
    "makes its charge itself.",
    RefusalReason.ALREADY_REFUNDED: "This charge was refunded already; POST …/refund/confirm pays the second half of "
    "a principal.",
    RefusalReason.CLOCK_SET_BACK: "The clock goes back only right after POST /simulator/reset, which deletes all data; "
    'its {"now": …} stops the clock at a time.',
    RefusalReason.CLOCK_ADVANCED_BACK: "The clock only goes forward; POST /simulator/reset, then PUT /simulator/clock.",
}


def answer_to(refusal: Refusal) -> tuple[int, str]:
    """Return the HTTP status of a refusal, and a sentence that says what is wrong and what to do."""
    return _STATUSES[refusal.reason], refusal.detail or _SENTENCES[refusal.reason]


class ProblemError(Exception):
    """An error answer: an HTTP status and a detail that says what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def body_of(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    results: list[dict[str, str]] | None = None,
) -> bytes:
    """Return the JSON of a problem. ``errors`` are the wrong fields, ``results`` the outcome of each item of a list."""
    # No problem quotes anything that looks like a password (safety.md 28).
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": masked(detail),
    }
    if errors:
        problem["errors"] = errors
    if results:
        problem["results"] = results
    return to_json(problem)


def response(
    status: int, detail: str, headers: Mapping[str, str] | None = None, errors: list[dict[str, str]] | None = None
) -> Response:
    """Return a problem as a response."""
    return Response(body_of(status, detail, errors), status, dict(headers or {}), MEDIA_TYPE)


async def _client_disconnected(_request: Request, _error: Exception) -> Response:
    return response(400, "The body ended before it was whole.")  # the client is gone and never reads this


async def _problem(request: Request, error: Exception) -> Response:
    match error:
        case ProblemError(status=status, detail=detail, headers=headers):
            return response(status, detail, headers)
        case RefusedError(refusal=refusal):
            return response(*answer_to(refusal))
        case StorageUnavailableError():
            return response(503, "The database is away; try again.", {"Retry-After": _RETRY_AFTER_SECONDS})
        case RequestValidationError():
            found = [
                {"field": location_of(item["loc"]), "problem": masked(str(item["msg"]))}
                for item in error.errors()[:_MAX_ERRORS]
            ]
            return response(422, "Some fields are missing or wrong; see errors.", errors=found)
        case HTTPException():
            return _framework_problem(request, error)
    log.error("a request failed", exc_info=error)
    return response(500, OUR_FAULT)


def _framework_problem(request: Request, error: HTTPException) -> Response:
    """Return the problem for what Starlette and FastAPI refuse themselves, such as an unknown path."""
    match error.status_code:
        case 405:
            methods = allowed_methods(request.app, request.scope)
            return response(405, f"This path takes {methods}.", {"Allow": methods})
        case 400:
            return response(422, "The body is not JSON in UTF-8.")
    return response(error.status_code, str(error.detail), error.headers)


def install(app: FastAPI) -> None:
    """Install handlers so that the app answers every error with a problem."""
    app.add_exception_handler(ClientDisconnect, _client_disconnected)
    for kind in (ProblemError, RefusedError, StorageUnavailableError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _problem)


CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong and what to do"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "problem": {"type": "string"}}},
        },
        "results": {
            "type": "array",
            "description": "the outcome of each item, if nothing of an array was stored",
            "items": {"type": "object", "properties": {"status": {"type": "string"}, "detail": {"type": "string"}}},
        },
    },
}
