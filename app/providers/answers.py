"""What a carrier's HTTP status means where its documents do not say otherwise (http-api.md, carriers.md 9.1)."""

from app.providers.base import Refused, RefusedForNow, SendResult, Unknown
from app.providers.http import HttpAnswer, NoAnswer

_MOVED = range(300, 400)
_BAD_REQUEST = range(400, 500)
_FAILED = range(500, 600)
_CONFLICT = 409
_TOO_MANY = 429
_UNAVAILABLE = 503
_NOT_NOW = frozenset({408, 425, _TOO_MANY, _UNAVAILABLE})


def result_of_status(answer: HttpAnswer, settings: dict[int, str], *, knows_reference: bool) -> SendResult:
    """Return the result of an answer by its status alone.

    A redirect is not followed, so nothing was taken, and a later try may find the setting corrected. A success without
    what it should have said, and a conflict, may mean that the carrier has the message; so does a failure, unless the
    carrier ``knows_reference``: then another attempt is no second message. Any other 4xx is final.

    ``settings``: for statuses that a setting is to blame for, which one.
    """
    code = f"HTTP {answer.status}"
    if answer.status in settings:
        return RefusedForNow(code, answer.retry_after(), setting=settings[answer.status])
    if answer.status in _MOVED:
        return RefusedForNow(f"{code}: redirects are not followed", setting="send_url")
    if answer.status in _NOT_NOW or (answer.status in _FAILED and knows_reference):
        return RefusedForNow(code, answer.retry_after(), throttled=answer.status == _TOO_MANY)
    if answer.status in _BAD_REQUEST and answer.status != _CONFLICT:
        return Refused(code)
    return Unknown(code)


def result_without_answer(reason: NoAnswer) -> SendResult:
    """Return the result of a request without an answer: unknown if the carrier may have it."""
    return Unknown(reason.reason) if reason.sent else RefusedForNow(reason.reason)
