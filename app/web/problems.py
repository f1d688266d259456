"""Error answers as RFC 9457 problem details. None of them quotes what was sent."""

from collections.abc import Mapping, Sequence
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
from app.providers.validation import field_errors
from app.services.refusals import RefusedError
from app.web.methods import allowed_methods
from app.web.problem_codes import MEANINGS, AnyCode, Code

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "5"
_MAX_ERRORS = 100
_NOT_JSON = "The body is not JSON in UTF-8."
OUR_FAULT = "Something went wrong on our side; it is in the log."
log = observability.logger(__name__)


# The sentences of the reasons that come without one. They name the calls that help.
_SENTENCES = {
    RefusalReason.UNKNOWN_SUBSCRIBER: "No such subscriber: create it with PUT /api/v1/subscribers/{msisdn}.",
    RefusalReason.UNKNOWN_SP: "No such service provider: create it with PUT /api/v1/service-providers/{sp_code}.",
    RefusalReason.UNKNOWN_SERVICE: "No such service: create it with PUT /api/v1/services/{service_code}.",
    RefusalReason.INVALID_MSISDN: "msisdn: no such subscriber; create it with PUT /api/v1/subscribers/{msisdn}.",
    RefusalReason.INVALID_SERVICE_CODE: "service_code: no such service; create it with PUT "
    "/api/v1/services/{service_code}.",
    RefusalReason.INVALID_SP_CODE: "sp_code: no such service provider; create it with PUT "
    "/api/v1/service-providers/{sp_code}.",
    RefusalReason.REASON_MISSING: "X-Reason: say why, in at least 5 visible characters; it is kept with your name.",
    RefusalReason.CHANGED_MEANWHILE: "Somebody changed this since you read it: read it again, then send the change "
    "with the new ETag.",
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


def status_of(code: AnyCode) -> int:
    """Return the HTTP status of a problem."""
    return MEANINGS[code].status


def sentence_of(refusal: Refusal) -> str:
    """Return a sentence that says what is wrong with a call and what to do."""
    return refusal.detail or _SENTENCES[refusal.reason]


class ProblemError(Exception):
    """An error answer: what is wrong, and a detail that says what to do."""

    def __init__(
        self,
        code: AnyCode,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """``errors`` are the wrong fields, each with its ``field`` and its ``problem``."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers
        self.errors = errors


def body_of(
    code: AnyCode,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    results: Sequence[Mapping[str, str]] = (),
    *,
    status: int | None = None,
) -> bytes:
    """Return the JSON of a problem. ``errors`` are the wrong fields, ``results`` the outcome of each item of a list.

    ``status`` is that of a problem that has no code of its own.
    """
    status = status or status_of(code)
    # No problem quotes anything that looks like a password (safety.md 28).
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": masked(detail),
    }
    if errors:
        problem["errors"] = errors
    if results:
        problem["results"] = results
    return to_json(problem)


def response(
    code: AnyCode,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    *,
    status: int | None = None,
) -> Response:
    """Return a problem as a response."""
    body = body_of(code, detail, errors, status=status)
    return Response(body, status or status_of(code), dict(headers or {}), MEDIA_TYPE)


def of_storage(_error: StorageUnavailableError) -> Response:
    """Return the problem for a database that is unavailable."""
    return response(Code.DATABASE_AWAY, "The database is away; try again.", {"Retry-After": _RETRY_AFTER_SECONDS})


async def _client_disconnected(_request: Request, _error: Exception) -> Response:
    # The client is gone and never reads this.
    return response(Code.BODY_INCOMPLETE, "The body ended before it was whole.")


async def _problem(request: Request, error: Exception) -> Response:
    match error:
        case ProblemError(code=code, detail=detail, headers=headers, errors=errors):
            return response(code, detail, headers, errors)
        case RefusedError(refusal=refusal):
            return response(refusal.reason, sentence_of(refusal))
        case StorageUnavailableError():
            return of_storage(error)
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _framework_problem(request, error)
    log.error("a request failed", exc_info=error)
    return response(Code.INTERNAL, OUR_FAULT)


def _invalid(error: RequestValidationError) -> Response:
    """Return the problem for fields that are missing or wrong, and for a body that is not JSON."""
    found = error.errors()[:_MAX_ERRORS]
    errors = field_errors(found)
    if found and found[0]["type"] == "json_invalid":
        if not str(error.body)[: found[0]["loc"][-1]].strip():
            return response(Code.NOT_JSON, _NOT_JSON)
        return response(Code.UNREADABLE, "The body begins as JSON and breaks; see errors.", errors=errors)
    return response(Code.INVALID_FIELDS, "Some fields are missing or wrong; see errors.", errors=errors)


def _framework_problem(request: Request, error: HTTPException) -> Response:
    """Return the problem for what Starlette and FastAPI refuse themselves, such as an unknown path."""
    match error.status_code:
        case 405:
            methods = allowed_methods(request.app, request.scope)
            return response(Code.METHOD_NOT_ALLOWED, f"This path takes {methods}.", {"Allow": methods})
        case 400:
            return response(Code.NOT_JSON, _NOT_JSON)
        case 404:
            return response(Code.NO_SUCH_PATH, "There is nothing at this path; /docs describes every call.")
        case 413:
            return response(Code.BODY_TOO_LARGE, str(error.detail))
    return response(Code.OTHER, str(error.detail), error.headers, status=error.status_code)


def install(app: FastAPI) -> None:
    """Install handlers so that the app answers every error with a problem."""
    app.add_exception_handler(ClientDisconnect, _client_disconnected)
    for kind in (ProblemError, RefusedError, StorageUnavailableError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _problem)


CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {
            "type": "string",
            "enum": [*MEANINGS],
            "description": "what is wrong, for programs; docs/problems.md lists the codes",
        },
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
