"""Sending a message again, on behalf of staff: while it can still be of use (http-api.md; safety.md 18)."""

from datetime import datetime

from app.commands.registry import call
from app.domain.messages import MessageClass, Reply
from app.domain.turn import Outcome, Stimulus, Turn, refused
from app.domain.values import value


@value
class Resend(Stimulus):
    """A message as it was sent, to its tenure; ``valid_until`` (UTC) is how long it was worth sending."""

    tenure: int
    text: str
    extension: str
    kind: MessageClass
    valid_until: datetime
    question_id: str | None
    about: str | None


_OVER = "Its time is over: what it says or asks holds no longer."


@call(Resend, reads=())
def send_again(turn: Turn) -> Outcome:
    """The same words from the same number; what it asks stays the same question, with the window that it has."""
    wanted = turn.stimulus_as(Resend)
    customer = turn.account.customer
    if customer is None or customer.tenure != wanted.tenure:
        return refused(409, "It was written to a former customer; the number has another holder since, or none.")
    question = turn.account.questions.get(wanted.question_id) if wanted.question_id else None
    open_still = question.is_open(turn.now) if question else not wanted.question_id and turn.now <= wanted.valid_until
    if not open_still:
        return refused(409, _OVER)
    reply = Reply((wanted.text,), wanted.extension, wanted.kind, wanted.question_id, wanted.about)
    return Outcome(replies=(reply,), verdict="sent again")
