"""Messages in and out as staff see them, and dead letters (http-api.md)."""

from functools import partial

from sqlalchemy import Connection

from app.commands.tickets.resending import Resend
from app.db import directory as rows
from app.db.directory import AttemptRead, MessageFilter, MessageRead, ReportRead
from app.db.session import Database
from app.db.state import current_state
from app.domain.account import Subscriber
from app.domain.messages import UNFINISHED, MessageClass
from app.domain.service_numbers import ServiceNumbers
from app.domain.values import replace, value
from app.services.engine import Loop
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns


@value
class MessageDetail:
    """One message with everything that happened to it."""

    message: MessageRead
    attempts: list[AttemptRead]
    reports: list[ReportRead]

    @property
    def msisdn(self) -> str:
        """Whose it is."""
        return self.message.msisdn

    @property
    def tenure(self) -> int | None:
        """Of which of the number's tenures; None: of none yet."""
        return self.message.tenure


class Messages:
    """Reads messages; runs dead letters again."""

    def __init__(self, database: Database, turns: Turns, turning: Loop, numbers: ServiceNumbers) -> None:
        """``turning``: the loop to wake when a message waits again."""
        self._database = database
        self._turns = turns
        self._turning = turning
        self._numbers = numbers

    async def page(self, wanted: MessageFilter, limit: int) -> list[MessageRead]:
        """Messages, newest first; of one number, those of its present tenure unless another is named."""
        return await self._database.read(partial(_page, wanted=wanted, limit=limit))

    async def one(self, message_id: str, *, former: bool) -> MessageDetail:
        """One message with its attempts and reports; RefusedError (404) for none, or only a former customer's."""
        return await self._database.read(partial(_one, message_id=message_id, former=former))

    async def find(self, message_id: str, *, former: bool) -> MessageRead:
        """The message alone."""
        return await self._database.read(partial(_find, message_id=message_id, former=former))

    async def retry(self, message_id: str) -> bool:
        """Run a dead letter again, by its own time; whether there was one. RefusedError (409): a former customer's."""
        revived = await self._database.write(partial(_retry, message_id=message_id))
        self._turning.wake()
        return revived

    async def resend(self, message_id: str) -> None:
        """Send an MT again; RefusedError: 404 if there is none, 409 where it is on its way or its time is over."""
        found = await self.find(message_id, former=True)
        if found.direction != "mt":
            raise RefusedError(404, "No such message to a customer.")
        if found.status in UNFINISHED:
            raise RefusedError(409, "It is on its way still; see its attempts.")
        await self._turns.carry_out(found.msisdn, self._resend_of(found))

    def _resend_of(self, found: MessageRead) -> Resend:
        return Resend(
            tenure=found.tenure or 0,
            text=found.text,
            extension=self._numbers.own_extension(found.service_number),
            kind=MessageClass(found.kind or MessageClass.REPLY),
            valid_until=found.valid_until or found.at,
            question_id=found.question_id,
            about=found.about,
        )


def _page(connection: Connection, *, wanted: MessageFilter, limit: int) -> list[MessageRead]:
    if wanted.msisdn is not None and wanted.tenure is None:
        tenure = rows.current_tenure(connection, wanted.msisdn)
        wanted = replace(wanted, tenure=tenure.subscriber.tenure if tenure else 0)
    return rows.list_messages(connection, wanted, limit)


def _find(connection: Connection, *, message_id: str, former: bool) -> MessageRead:
    message = rows.message_by_id(connection, message_id, former=former)
    if message is None:
        raise RefusedError(404, "There is no message with this id.")
    return message


def _one(connection: Connection, *, message_id: str, former: bool) -> MessageDetail:
    message = _find(connection, message_id=message_id, former=former)
    return MessageDetail(message, rows.attempts_of(connection, message), rows.reports_of(connection, message))


def _retry(connection: Connection, *, message_id: str) -> bool:
    found = rows.message_by_id(connection, message_id)
    number = rows.current_tenure(connection, found.msisdn) if found else None
    if found and number and _is_of_former_customer(found, number.subscriber):
        raise RefusedError(409, "A former customer of this number sent it; it is not run for anybody else.")
    return rows.revive(connection, message_id, current_state(connection).now)


def _is_of_former_customer(message: MessageRead, holder: Subscriber) -> bool:
    """By its time, and by the tenure in which it was given up: that may have ended at the same instant."""
    if message.tenure and message.tenure != holder.tenure:
        return True
    return holder.former_tenure(message.stamped_at or message.at) is not None
