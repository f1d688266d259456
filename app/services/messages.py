"""Messages in and out as staff see them, dead letters, and the record of who looked (http-api.md)."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection

from app.db import directory as rows
from app.db.directory import AttemptRead, MessageFilter, MessageRead, ReportRead
from app.db.session import Database
from app.db.state import current_state
from app.domain.msisdn import bucket_of
from app.domain.values import value
from app.services.engine import Loop
from app.services.ids import IdSource
from app.services.tokens import Caller


@value
class MessageDetail:
    """One message with everything that happened to it."""

    message: MessageRead
    attempts: list[AttemptRead]
    reports: list[ReportRead]


class Messages:
    """Reads messages; runs dead letters again."""

    def __init__(self, database: Database, ids: IdSource, turns: Loop) -> None:
        self._database = database
        self._ids = ids
        self._turns = turns

    async def page(self, wanted: MessageFilter, limit: int) -> list[MessageRead]:
        """Messages, newest first; of one number, those of its current tenure."""
        return await self._database.read(partial(_page, wanted=wanted, limit=limit))

    async def one(self, message_id: str) -> MessageDetail | None:
        """One message with its attempts and reports."""
        return await self._database.read(partial(_one, message_id=message_id))

    async def retry(self, message_id: str) -> bool:
        """Run a dead letter again, by its own time; whether there was one."""
        revived = await self._database.write(partial(_retry, message_id=message_id))
        self._turns.wake()
        return revived

    async def note_access(self, caller: Caller, msisdn: str, what: str, reason: str | None) -> None:
        """Record who read whose data (M16); kept also for numbers that are nobody's."""
        row = {
            "bucket": bucket_of(msisdn), "msisdn": msisdn, "id": next(self._ids),
            "who": caller.name, "what": what, "reason": reason, "at": datetime.now(UTC),
        }  # fmt: skip
        await self._database.write(lambda connection: rows.record_access(connection, row))


def _page(connection: Connection, *, wanted: MessageFilter, limit: int) -> list[MessageRead]:
    if wanted.msisdn is not None:
        tenure = rows.current_tenure(connection, wanted.msisdn)
        wanted = replace(wanted, tenure=tenure.subscriber.tenure if tenure else 0)
    return rows.list_messages(connection, wanted, limit)


def _one(connection: Connection, *, message_id: str) -> MessageDetail | None:
    message = rows.message_by_id(connection, message_id)
    if message is None:
        return None
    return MessageDetail(message, rows.attempts_of(connection, message), rows.reports_of(connection, message))


def _retry(connection: Connection, *, message_id: str) -> bool:
    return rows.revive(connection, message_id, current_state(connection).now)
