"""The messages of several handsets in one order, with what each is, and the questions that wait for an answer."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app.db import threads
from app.db.session import Database
from app.db.simulator import ThreadMessage
from app.db.state import current_state
from app.domain.dialogue import QuestionState
from app.domain.service_numbers import ServiceNumbers
from app.domain.values import value
from app.services.turns.codec import AccountCodec


@value
class Shown:
    """A message that a handset shows.

    Attributes:
        kind: the question that an MT asks, such as ``choosing-services``, else its class, such as ``notice``; None for
            an MO.
        code: the digits that its question wants; None if it wants none.
    """

    message: ThreadMessage
    msisdn: str
    kind: str | None
    code: str | None


@value
class Waiting:
    """A question that waits for an answer; ``number`` is where that has to be sent, until the instant ``until``."""

    msisdn: str
    kind: str
    number: str
    until: datetime
    code: str | None


class Threads:
    """Reads what handsets show and are asked."""

    def __init__(self, database: Database, states: Iterable[type[QuestionState]], numbers: ServiceNumbers) -> None:
        """``states`` are the question states of all commands."""
        self._database = database
        self._codec = AccountCodec(states)
        self._numbers = numbers

    async def messages(self, numbers: Sequence[str] | None, after: str | None, limit: int) -> list[Shown]:
        """Return at most ``limit`` messages of handsets (None: all), oldest first, behind the one with id ``after``."""
        wanted = partial(threads.threads_of, numbers=numbers, after=after, limit=limit)
        found = await self._database.read(wanted)
        return [
            Shown(
                one.message,
                one.msisdn,
                one.question_kind or one.message_class,
                self._codec.answer_code(one.question_kind, one.question_state),
            )
            for one in found
        ]

    async def questions(self, numbers: Sequence[str] | None) -> list[Waiting]:
        """Return the questions that handsets (None: all) can answer now, oldest first."""
        found = await self._database.read(partial(_open_now, numbers=numbers))
        return [
            Waiting(
                one.msisdn,
                one.kind,
                self._numbers.number(one.extension),
                one.expires_at,
                self._codec.answer_code(one.kind, one.state),
            )
            for one in found
        ]


def _open_now(connection: Connection, *, numbers: Sequence[str] | None) -> list[threads.OpenQuestion]:
    return threads.open_questions(connection, numbers, current_state(connection).now)
