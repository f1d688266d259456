"""What the result of an attempt to send makes of its message (delivery.md 8-10)."""

import random
from datetime import datetime

from app.db.handovers import Handover
from app.db.outbox import ClaimedMessage
from app.domain.escape import escape
from app.domain.messages import AttemptResult, OutboundStatus
from app.domain.retry import backoff, retry_at
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Unknown


def jitter() -> float:
    """Return a random number in [0, 1) for a pause."""
    return random.random()  # noqa: S311  not a secret


def handover_of(message: ClaimedMessage, result: SendResult, now: datetime, *, resends_unknown: bool) -> Handover:
    """Return what an attempt makes of a message. ``resends_unknown``: an unknown one is tried again."""
    match result:
        case Accepted(theirs, parts):
            return Handover(
                message, OutboundStatus.ACCEPTED, now, AttemptResult.ACCEPTED, escape(theirs), handed_over_at=now,
                parts=tuple(map(escape, parts)),
            )  # fmt: skip
        case Refused(code):
            return Handover(message, OutboundStatus.FAILED, now, AttemptResult.REFUSED, final_at=now, error_code=code)
        case RefusedForNow(code, retry_after):
            again = retry_at(now, backoff(message.attempts, jitter(), retry_after), message.valid_until)
            progress = result.progress or message.progress
            return Handover(
                message, OutboundStatus.QUEUED, again, AttemptResult.REFUSED_FOR_NOW, error_code=code, progress=progress
            )
        case Unknown(code) if resends_unknown:
            again = retry_at(now, backoff(message.attempts, jitter()), message.valid_until)
            progress = result.progress or message.progress
            return Handover(
                message, OutboundStatus.QUEUED, again, AttemptResult.UNKNOWN, error_code=code, progress=progress
            )
        case Unknown(code):
            return Handover(message, OutboundStatus.UNKNOWN, now, AttemptResult.UNKNOWN, error_code=code)
        case NotTried():
            return Handover(message, OutboundStatus.QUEUED, now, progress=message.progress)
