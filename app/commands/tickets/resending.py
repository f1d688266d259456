"""Send a message again on behalf of staff, while it is still valid (http-api.md, management API; safety.md 18)."""

from datetime import datetime

from app.commands.registry import call
from app.domain.matters import Matter
from app.domain.messages import MessageClass, Reply
from app.domain.refusals import RefusalReason
from app.domain.turn import Call, Outcome, Turn, refused
from app.domain.values import value


@value
class Resend(Call[None]):
    """A request to send a message again.

    ``tenure`` is the one that it was sent to, from 1; ``extension`` the digits after the access number; ``valid_until``
    (UTC) the end of its first validity; ``question_id`` the question that it asked and ``about`` its matter, if any.
    """

    tenure: int
    text: str
    extension: str
    kind: MessageClass
    valid_until: datetime
    question_id: str | None
    about: Matter | None


_OVER = "Its time is over: what it says or asks holds no longer."


@call(Resend, reads=())
def send_again(turn: Turn) -> Outcome:
    """Send the same text from the same number, with its question and window unchanged; refuse if too late."""
    request = turn.stimulus_as(Resend)
    customer = turn.account.customer
    if customer is None or customer.tenure != request.tenure:
        return refused(
            RefusalReason.FORMER_CUSTOMER,
            "It was written to a former customer; the number has another holder since, or none.",
        )
    question = turn.account.questions.get(request.question_id) if request.question_id else None
    is_useful = question.is_open(turn.now) if question else not request.question_id and turn.now <= request.valid_until
    if not is_useful:
        return refused(RefusalReason.NO_LONGER_TRUE, _OVER)
    reply = Reply((request.text,), request.extension, request.kind, request.question_id, request.about)
    return Outcome(replies=(reply,), verdict="sent again")
