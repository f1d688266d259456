"""The questions that a batch of turns asks, closes, extends or finds to have arrived, as rows."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.db import accounts
from app.db.asked_texts import text_of
from app.db.keys import TenureKey
from app.domain.dialogue import Question
from app.domain.messages import Reply
from app.services.turns.codec import AccountCodec

Row = dict[str, object]


class QuestionRows:
    """The last value of each question within a batch."""

    def __init__(self, codec: AccountCodec) -> None:
        self._codec = codec
        self._asked: dict[str, Row] = {}
        self._changed: dict[str, Row] = {}
        self._arrived: dict[str, Row] = {}

    def add(
        self, tenure: TenureKey, before: Question | None, after: Question, queued: Sequence[Reply], *, is_stored: bool
    ) -> None:
        """Add a value of a question; ``is_stored``: it has a row already. ``queued`` are the replies queued with it."""
        if not is_stored:
            asked = self._asked.get(after.id)
            text = asked["asked_text"] if asked else _text_to_store(after, queued)
            self._asked[after.id] = {**self._codec.question_row(*tenure, after), "asked_text": text}
            return
        bucket, msisdn, _ = tenure
        key = {"bucket": bucket, "msisdn": msisdn, "id": after.id}
        end = {"closed_at": after.closed_at, "closed_as": after.closed_as, "expires_at": after.expires_at}
        self._changed[after.id] = {**key, **end}
        # An answer proves that its question arrived, even if no delivery report says so (safety.md 6).
        if before is not None and before.handed_over_at is None and after.handed_over_at is not None:
            self._arrived[after.id] = {**key, "handed_over_at": after.handed_over_at}

    def write(self, connection: Connection) -> None:
        """Insert new questions and update stored ones."""
        accounts.insert_questions(connection, list(self._asked.values()))
        accounts.close_questions(connection, list(self._changed.values()))
        accounts.set_questions_arrived(connection, list(self._arrived.values()))


def _text_to_store(question: Question, queued: Sequence[Reply]) -> str | None:
    """Return the text of a question unless it can be read from its messages; those that are held are made later."""
    said = text_of(text for reply in queued if reply.question_id == question.id for text in reply.messages)
    return None if said == question.asked_text else question.asked_text
