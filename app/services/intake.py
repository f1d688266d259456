"""The first commit of a message: stored, once, before anybody is told that it was taken (delivery.md 1, 2)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.db import inbox
from app.db.session import Database, StorageUnavailableError
from app.db.state import current_state
from app.domain.calendar import believable
from app.domain.escape import escape
from app.domain.masking import mask, mask_part
from app.domain.msisdn import bucket_of, parse_msisdn, sender_as_given
from app.domain.parts import PartOf
from app.domain.values import value
from app.services.ids import IdSource
from app.services.sealing import Sealer

_MOST = 1000
_OLDEST_BELIEVED = timedelta(hours=24)


@value
class IncomingMessage:
    """An MO as a provider hands it in; ``received_at`` is the provider's own time, if it gives one.

    ``part`` says which part of a long message it is; without, it is a whole one.
    """

    provider: str
    message_id: str
    sender: str
    dialled: str
    text: str
    received_at: datetime | None = None
    part: PartOf | None = None


class IntakeStatus(StrEnum):
    """What the provider is told."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"


@value
class Stored:
    """The id that the message has with us; a duplicate has the first one's."""

    id: str
    status: IntakeStatus


@value
class StoredText:
    """A new message of a batch, for those who keep something beside it in the same commit."""

    id: str
    msisdn: str
    dialled: str
    text: str
    at: datetime


Companion = Callable[[Connection, Sequence[StoredText]], None]


class Intake:
    """Stores messages in batches; a 2xx may be said once ``store`` has returned."""

    def __init__(
        self,
        database: Database,
        ids: IdSource,
        sealer: Sealer,
        *,
        allowed_prefixes: tuple[str, ...],
        companions: Mapping[str, Companion],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._ids = ids
        self._sealer = sealer
        self._allowed_prefixes = allowed_prefixes
        self._companions = companions
        self._wake = wake
        self._batcher: Batcher[Sequence[IncomingMessage], list[Stored]] = Batcher(
            self._store_all, _MOST, shared=StorageUnavailableError
        )

    async def store(self, messages: Sequence[IncomingMessage]) -> list[Stored]:
        """Store some messages, in this order; raises StorageUnavailableError if none of them was stored."""
        return await self._batcher.submit(messages)

    async def _store_all(self, groups: Sequence[Sequence[IncomingMessage]]) -> list[list[Stored]]:
        messages = [message for group in groups for message in group]
        stored = await self._database.write(lambda connection: self._store(connection, messages))
        self._wake()
        observability.batch("intake", len(messages))
        for status, count in Counter(item.status for item in stored).items():
            observability.INBOUND.labels(status.value).inc(count)
        results = iter(stored)
        return [[next(results) for _ in group] for group in groups]

    def _store(self, connection: Connection, messages: Sequence[IncomingMessage]) -> list[Stored]:
        now = current_state(connection).now
        rows = [self._row(message, now) for message in messages]
        found = inbox.store(connection, rows)
        new = [row for row, (_, is_new) in zip(rows, found, strict=True) if is_new]
        inbox.open_conversations(connection, [str(row["msisdn"]) for row in new if row["status"] == "pending"])
        self._keep_beside(connection, new)
        return [Stored(id_, IntakeStatus.ACCEPTED if is_new else IntakeStatus.DUPLICATE) for id_, is_new in found]

    def _row(self, message: IncomingMessage, now: datetime) -> dict[str, object]:
        msisdn = parse_msisdn(message.sender)
        answered = msisdn is not None and msisdn.startswith(self._allowed_prefixes)
        sender = msisdn or sender_as_given(_shown(message.sender))
        # The only part of a message is the message.
        part = message.part if message.part and message.part.total > 1 else None
        received_at = _in_utc(message.received_at)
        believed = received_at is not None and now - _OLDEST_BELIEVED <= received_at <= now
        return {
            "bucket": bucket_of(sender),
            "msisdn": sender,
            "id": next(self._ids),
            "provider": message.provider,
            "provider_message_id": escape(message.message_id),
            "dialled": escape(_shown(message.dialled))[:32],
            "part": part.number if part else 0,
            "parts": part.total if part else None,
            "concat_ref": part.ref if part else None,
            **self._sealer.columns(message.text, _masked(message.text, part)),
            "received_at": received_at,
            "sent_at": received_at if believed else now,
            "stored_at": now,
            "status": "pending" if answered else "ignored",
            "due_at": now,
            "tries": 0,
        }

    def _keep_beside(self, connection: Connection, rows: Sequence[dict[str, object]]) -> None:
        """Let the simulated network put its handsets' messages into their threads, in the same commit."""
        for provider, keep in self._companions.items():
            texts = [
                StoredText(str(row["id"]), str(row["msisdn"]), str(row["dialled"]), str(row["text"]), row["stored_at"])  # type: ignore[arg-type]
                for row in rows
                if row["provider"] == provider
            ]
            if texts:
                keep(connection, texts)


def _in_utc(moment: datetime | None) -> datetime | None:
    """A provider's time; one that nobody can mean is as good as none."""
    return moment.astimezone(UTC) if moment is not None and believable(moment) else None


def _masked(text: str, part: PartOf | None) -> str | None:
    return mask_part(text, first=part.number == 1, last=part.number == part.total) if part else mask(text)


def _shown(address: str) -> str:
    """An address as it was given, but for what looks like a password: she may have typed it there."""
    return mask(address) or address
