"""What a batch of turns does to questions: asked, moved on, closed, proved to have arrived."""

from sqlalchemy import Connection

from app.db import accounts
from app.domain.dialogue import Question
from app.services.turns.codec import AccountCodec
from app.services.turns.outbox_rows import Place

Row = dict[str, object]


class QuestionRows:
    """The rows of a batch's questions, the last value of each."""

    def __init__(self, codec: AccountCodec) -> None:
        self._codec = codec
        self._asked: dict[str, Row] = {}
        self._moved: dict[str, Row] = {}
        self._arrived: dict[str, Row] = {}

    def take(self, place: Place, before: Question | None, after: Question, *, known: bool) -> None:
        """Write this value of a question; ``known``: it has a row already."""
        if not known:
            self._asked[after.id] = self._codec.question_row(*place, after)
            return
        bucket, msisdn, _ = place
        key = {"bucket": bucket, "msisdn": msisdn, "id": after.id}
        end = {"closed_at": after.closed_at, "closed_as": after.closed_as, "expires_at": after.expires_at}
        self._moved[after.id] = {**key, **end}
        # An answer proves that its question arrived, also where no receipt says so (safety.md 6).
        if before is not None and before.handed_over_at is None and after.handed_over_at is not None:
            self._arrived[after.id] = {**key, "handed_over_at": after.handed_over_at}

    def write(self, connection: Connection) -> None:
        """Write them all."""
        accounts.insert_questions(connection, list(self._asked.values()))
        accounts.close_questions(connection, list(self._moved.values()))
        accounts.set_questions_arrived(connection, list(self._arrived.values()))
