"""Messages in the management API: lists, details, sending an MT again, retrying dead letters."""

from functools import partial

from sqlalchemy import Connection

from app.commands.tickets.resending import Resend
from app.db import directory as rows
from app.db.directory import AttemptRead, MessageFilter, MessageRead, ReportRead
from app.db.session import Database
from app.db.state import current_state
from app.domain.account import Subscriber
from app.domain.matters import Matter
from app.domain.messages import UNFINISHED, MessageClass
from app.domain.refusals import RefusalReason
from app.domain.service_numbers import ServiceNumbers
from app.domain.values import replace, value
from app.services.paging import Page, PageRequest, Part
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns

__all__ = ["MessageDetail", "MessageFilter", "MessageRead", "Messages"]


@value
class MessageDetail:
    """A message with its attempts and delivery reports."""

    message: MessageRead
    attempts: list[AttemptRead]
    reports: list[ReportRead]

    @property
    def msisdn(self) -> str:
        """The number of the customer's handset."""
        return self.message.msisdn

    @property
    def tenure(self) -> int | None:
        """The tenure that the message belongs to; None if it is not known yet."""
        return self.message.tenure


class Messages:
    """Reads messages, sends MTs again and retries dead letters."""

    def __init__(self, database: Database, turns: Turns, numbers: ServiceNumbers) -> None:
        self._database = database
        self._turns = turns
        self._numbers = numbers

    async def page(self, wanted: MessageFilter, part: PageRequest) -> Page[MessageRead]:
        """Return messages, by id.

        A filter by number without a tenure means the number's present tenure.
        """
        found = await self._database.read(partial(_page, wanted=wanted, part=part.one_more()))
        return Page.of(found, part.limit, lambda item: item.id)

    async def one(self, message_id: str, *, former: bool) -> MessageDetail:
        """Return a message with its attempts and reports. Raise RefusedError if there is none.

        A former customer's message is found only with ``former``.
        """
        return await self._database.read(partial(_one, message_id=message_id, former=former))

    async def find(self, message_id: str, *, former: bool) -> MessageRead:
        """Return a message without its attempts and reports. Parameters and errors as in ``one``."""
        return await self._database.read(partial(_find, message_id=message_id, former=former))

    async def retry(self, message_id: str) -> bool:
        """Handle a dead letter again, as of its own time. Return False if there is none with this id.

        Raise RefusedError if a former customer of the number sent it.
        """
        return await self._database.write(partial(_retry, message_id=message_id))

    async def resend(self, message_id: str) -> None:
        """Send an MT again.

        Raise RefusedError if there is no such MT, it is still being sent, or its validity is over.
        """
        found = await self.find(message_id, former=True)
        if found.direction != "mt":
            raise RefusedError(RefusalReason.UNKNOWN, "No such message to a customer.")
        if found.status in UNFINISHED:
            raise RefusedError(RefusalReason.STILL_SENDING, "It is on its way still; see its attempts.")
        await self._turns.carry_out(found.msisdn, self._resend_of(found))

    def _resend_of(self, found: MessageRead) -> Resend:
        return Resend(
            tenure=found.tenure or 0,
            text=found.text,
            extension=self._numbers.own_extension(found.service_number),
            kind=MessageClass(found.kind or MessageClass.REPLY),
            valid_until=found.valid_until or found.at,
            question_id=found.question_id,
            about=Matter.parse(found.about) if found.about else None,
        )


def _page(connection: Connection, *, wanted: MessageFilter, part: Part) -> list[MessageRead]:
    if wanted.msisdn is not None and wanted.tenure is None:
        tenure = rows.current_tenure(connection, wanted.msisdn)
        wanted = replace(wanted, tenure=tenure.tenure if tenure else 0)
    return rows.list_messages(connection, wanted, part)


def _find(connection: Connection, *, message_id: str, former: bool) -> MessageRead:
    message = rows.message_by_id(connection, message_id, former=former)
    if message is None:
        raise RefusedError(RefusalReason.UNKNOWN, "There is no message with this id.")
    return message


def _one(connection: Connection, *, message_id: str, former: bool) -> MessageDetail:
    message = _find(connection, message_id=message_id, former=former)
    return MessageDetail(message, rows.attempts_of(connection, message), rows.reports_of(connection, message))


def _retry(connection: Connection, *, message_id: str) -> bool:
    found = rows.message_by_id(connection, message_id)
    number = rows.current_tenure(connection, found.msisdn) if found else None
    if found and number and _is_of_former_customer(found, number):
        raise RefusedError(
            RefusalReason.FORMER_CUSTOMER, "A former customer of this number sent it; it is not run for anybody else."
        )
    return rows.requeue(connection, message_id, current_state(connection).now)


def _is_of_former_customer(message: MessageRead, holder: Subscriber) -> bool:
    """Return True if a former customer of the number sent the message.

    Both its tenure and its time are compared: the tenure in which it failed may have ended at the same instant.
    """
    if message.tenure and message.tenure != holder.tenure:
        return True
    return holder.former_tenure(message.stamped_at or message.at) is not None
