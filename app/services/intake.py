"""The first commit of a message: stored, once, before anybody is told that it was taken (delivery.md 1, 2)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.db import inbox
from app.db.session import Database, StorageUnavailableError
from app.db.state import current_state
from app.domain.calendar import SHANGHAI, is_believable
from app.domain.escape import escape
from app.domain.masking import mask, mask_part
from app.domain.msisdn import Numbers, bucket_of, is_service_number, parse_sender, sender_as_given
from app.domain.parts import PartOf
from app.domain.stamps import Stamp, StampForm
from app.domain.values import value
from app.services.clock_skew import ClockSkewWatch
from app.services.ids import IdSource
from app.services.sealing import Sealer

_MOST = 1000
_OLDEST_BELIEVED = timedelta(hours=24)
# A clock that is a little ahead is none that cannot be.
_AHEAD = timedelta(minutes=10)
# Why a message that was taken is not used as it is (safety.md 33).
_UNREADABLE, _NOBODY, _ELSEWHERE = "unreadable sender", "no subscriber's number", "prefix not allowed"
_UNBELIEVED, _REPEATED = "time not believed", "repeat with other content"


@value
class IncomingMessage:
    """An MO as a provider hands it in; ``received_at`` is the provider's own time, if it gives one.

    ``part`` says which part of a long message it is; without, it is a whole one. ``numbers`` and ``zone`` are how the
    provider writes senders without ``+`` and times without a zone, ``stamp_form`` how it wrote this one's time.
    """

    provider: str
    message_id: str
    sender: str
    dialled: str
    text: str
    received_at: datetime | None = None
    part: PartOf | None = None
    stamp_form: StampForm | None = None
    numbers: Numbers = Numbers.NATIONAL
    zone: tzinfo = SHANGHAI


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
        self._stamps = ClockSkewWatch()
        self._batcher: Batcher[Sequence[IncomingMessage], list[Stored]] = Batcher(
            self._store_all, _MOST, shared=StorageUnavailableError
        )

    async def store(self, messages: Sequence[IncomingMessage]) -> list[Stored]:
        """Store some messages, in this order; raises StorageUnavailableError if none of them was stored."""
        return await self._batcher.submit(messages)

    async def _store_all(self, groups: Sequence[Sequence[IncomingMessage]]) -> list[list[Stored]]:
        messages = [message for group in groups for message in group]
        stored, unused, now = await self._database.write(lambda connection: self._store(connection, messages))
        self._wake()
        for message, item in zip(messages, stored, strict=True):
            if item.status is IntakeStatus.ACCEPTED:
                unused[_UNBELIEVED] += self._note_time(message, now)
        observability.batch("intake", len(messages))
        for status, count in Counter(item.status for item in stored).items():
            observability.INBOUND.labels(status.value).inc(count)
        for reason, count in unused.items():
            observability.UNUSED.labels(reason).inc(count)
        results = iter(stored)
        return [[next(results) for _ in group] for group in groups]

    def _store(
        self, connection: Connection, messages: Sequence[IncomingMessage]
    ) -> tuple[list[Stored], Counter[str], datetime]:
        now = current_state(connection).now
        rows = [self._row(message, now) for message in messages]
        found = inbox.store(connection, rows)
        new = [row for row, known in zip(rows, found, strict=True) if known.is_new]
        inbox.open_conversations(connection, [str(row["msisdn"]) for row in new if row["status"] == "pending"])
        self._keep_beside(connection, new)
        others = [_repeat(row, now) for row, known in zip(rows, found, strict=True) if known.differs]
        inbox.add(connection, others)
        unused = Counter(str(row["verdict"]) for row in new if row["verdict"])
        unused[_REPEATED] += len(others)
        statuses = {True: IntakeStatus.ACCEPTED, False: IntakeStatus.DUPLICATE}
        return [Stored(known.id, statuses[known.is_new]) for known in found], unused, now

    def _note_time(self, message: IncomingMessage, now: datetime) -> bool:
        """Note a new message's time; whether it is one that is not believed."""
        given = _in_utc(message.received_at)
        self._stamps.note(message.provider, message.zone, Stamp(given, message.stamp_form or StampForm.ZONED), now)
        if given is None:
            return message.received_at is not None or message.stamp_form is StampForm.IMPOSSIBLE
        return not now - _OLDEST_BELIEVED <= given <= now + _AHEAD

    def _row(self, message: IncomingMessage, now: datetime) -> dict[str, object]:
        sender, reason = self._sender(message)
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
            "repeat": "",
            "dialled": escape(_shown(message.dialled))[:32],
            "part": part.number if part else 0,
            "parts": part.total if part else None,
            "concat_ref": part.ref if part else None,
            **self._sealer.columns(message.text, _masked(message.text, part)),
            "received_at": received_at,
            "sent_at": received_at if believed else now,
            "stored_at": now,
            "status": "ignored" if reason else "pending",
            "verdict": reason,
            "due_at": now,
            "tries": 0,
        }

    def _sender(self, message: IncomingMessage) -> tuple[str, str | None]:
        """Who wrote, and why nobody is answered there, if so."""
        msisdn = parse_sender(message.sender, message.numbers)
        if msisdn is None:
            reason = _NOBODY if is_service_number(message.sender) else _UNREADABLE
            return sender_as_given(_shown(message.sender)), reason
        return msisdn, None if msisdn.startswith(self._allowed_prefixes) else _ELSEWHERE

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


def _repeat(row: dict[str, object], now: datetime) -> dict[str, object]:
    """What came under a known id with other content: kept for staff to find, and nothing follows from it."""
    ended = {"status": "ignored", "verdict": _REPEATED, "handled_at": now, "sealed": None, "concat_ref": None}
    return {**row, **ended, "repeat": row["id"]}


def _in_utc(moment: datetime | None) -> datetime | None:
    """A provider's time; one that nobody can mean is as good as none."""
    return moment.astimezone(UTC) if moment is not None and is_believable(moment) else None


def _masked(text: str, part: PartOf | None) -> str | None:
    return mask_part(text, first=part.number == 1, last=part.number == part.total) if part else mask(text)


def _shown(address: str) -> str:
    """An address as it was given, but for what looks like a password: she may have typed it there."""
    return mask(address) or address
