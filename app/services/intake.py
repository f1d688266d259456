"""Intake: messages are stored once, and committed before the provider's request is acknowledged (delivery.md 1, 2)."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.db import conversations, inbox, unconfirmed
from app.db.clock import clock_of
from app.db.distribution import by_piece
from app.db.inbox import StoreResult
from app.db.session import ANSWER_WITHIN, Database
from app.db.state import current_state
from app.domain.calendar import SHANGHAI, is_believable
from app.domain.escape import escape
from app.domain.masking import mask, mask_part
from app.domain.messages import Ignored, InboundMessage, InboundResult, InboundStatus, Seen
from app.domain.msisdn import Numbers, bucket_of, is_service_number, parse_sender, sender_as_given
from app.domain.parts import PartOf
from app.domain.stamps import Stamp, StampForm
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.clock_skew import ClockSkewWatch
from app.services.ids import IdSource
from app.services.sealing import Sealer

_MAX_BATCH = 500
_MAX_AGE = timedelta(hours=24)
# A time ahead by no more than this is a clock that is a little fast; it is not counted as wrong.
_MAX_AHEAD = timedelta(minutes=10)
# Counted when the time that a message's provider gave is not used (safety.md 33).
_TIME_NOT_BELIEVED = "time not believed"


@value
class Source:
    """Where messages come from.

    Attributes:
        provider: the name of the provider.
        numbers: how it writes senders without + or 00.
        zone: the zone of its times that name none.
    """

    provider: str
    numbers: Numbers = Numbers.NATIONAL
    zone: tzinfo = SHANGHAI


@value
class NewMessage:
    """A new message of a batch, as companions get it.

    Attributes:
        at: the time of storing in UTC.
        is_answered: False if the message is ignored, as its sender's number is unreadable or foreign.
    """

    id: str
    msisdn: str
    at: datetime
    is_answered: bool


@value
class _Sent:
    """A message to be stored; ``until``: by when, in monotonic seconds."""

    source: Source
    message: InboundMessage
    until: float


# Writes something of its own about new messages, in the commit that stores them.
Companion = Callable[[Connection, Sequence[NewMessage]], None]


class Intake:
    """Stores messages in batches. A provider may be answered 2xx once ``store`` has returned."""

    def __init__(
        self,
        database: Database,
        ids: IdSource,
        sealer: Sealer,
        *,
        allowed_prefixes: tuple[str, ...],
        companions: Mapping[str, Companion],
        wake: Callable[[], None],
        owner: str,
    ) -> None:
        """``allowed_prefixes``: E.164 prefixes, with ``+``, of the numbers that are answered.

        ``companions`` are by the provider whose messages they get. ``wake`` is called after each commit.
        ``owner``: what leases of this process are marked with.
        """
        self._database = database
        self._ids = ids
        self._sealer = sealer
        self._allowed_prefixes = allowed_prefixes
        self._companions = companions
        self._wake = wake
        self._owner = owner
        self._clock_skew = ClockSkewWatch()
        self._batcher: Batcher[Sequence[_Sent], list[InboundResult]] = Batcher(
            self._store_all, _MAX_BATCH, shared=StorageUnavailableError, size=len
        )

    async def store(self, source: Source, messages: Sequence[InboundMessage]) -> list[InboundResult]:
        """Store messages of a provider in this order. Return their ids and whether each is new.

        Raise StorageUnavailableError if they were not all stored: a repeat of those that were is recognised.
        """
        until = time.monotonic() + ANSWER_WITHIN
        return await self._batcher.submit([_Sent(source, message, until) for message in messages])

    async def _store_all(self, groups: Sequence[Sequence[_Sent]]) -> list[list[InboundResult]]:
        messages = [sent for group in groups for sent in group]
        # In one transaction; where tables are distributed, in one for each shard.
        pieces = by_piece(self._database.engine, messages, lambda sent: bucket_of(self._sender(sent)[0]))
        stored = await asyncio.gather(*(self._store_piece([messages[place] for place in places]) for places in pieces))
        results = dict(zip(chain.from_iterable(pieces), chain.from_iterable(stored), strict=True))
        places = iter(range(len(messages)))
        return [[results[next(places)] for _ in group] for group in groups]

    async def _store_piece(self, messages: Sequence[_Sent]) -> list[InboundResult]:
        began = time.monotonic()
        stored, unused, now = await self._database.write(
            lambda connection: self._store(connection, messages), within=ANSWER_WITHIN
        )
        self._database.failures.took("intake", time.monotonic() - began)
        self._wake()
        for sent, item in zip(messages, stored, strict=True):
            if item.new:
                unused[_TIME_NOT_BELIEVED] += self._note_stamp(sent.source, sent.message, now)
        observability.batch("intake", len(messages))
        for new, count in Counter(item.new for item in stored).items():
            observability.INBOUND.labels("accepted" if new else "duplicate").inc(count)
        for reason, count in unused.items():
            observability.UNUSED.labels(observability.label(reason)).inc(count)
        return stored

    def _store(
        self, connection: Connection, messages: Sequence[_Sent]
    ) -> tuple[list[InboundResult], Counter[str], datetime]:
        now = current_state(connection).now
        rows = [self._row(sent, now) for sent in messages]
        found = self._store_new(connection, messages, rows)
        new = [row for row, known in zip(rows, found, strict=True) if known.is_new]
        conversations.open_conversations(
            connection, [str(row["msisdn"]) for row in new if row["status"] is InboundStatus.PENDING]
        )
        self._run_companions(connection, new, now)
        changed_repeats = [_changed_repeat(row, now) for row, known in zip(rows, found, strict=True) if known.differs]
        inbox.add(connection, changed_repeats)
        unused = Counter(str(row["verdict"]) for row in new if row["verdict"])
        unused[Ignored.CHANGED_REPEAT] += len(changed_repeats)
        return [InboundResult(known.id, new=known.is_new) for known in found], unused, now

    def _store_new(
        self, connection: Connection, messages: Sequence[_Sent], rows: Sequence[dict[str, object]]
    ) -> list[StoreResult]:
        """Store the messages that are no repeats. Return for each of ``rows`` what it was."""
        seen = [(row, sent.message.seen) for row, sent in zip(rows, messages, strict=True)]
        places = [self._place(row, one) for row, one in seen if one is not None]
        if not places:
            return inbox.store(connection, rows)
        read_at = clock_of(connection)()
        octets = [one.octets for _, one in seen if one is not None]
        replaced = [self._sealer.replaced_fingerprints(one) for one in octets]
        recognised = unconfirmed.recognise(connection, places, self._owner, read_at, replaced)
        repeated = iter(one.id for one in recognised)
        first = [None if one is None else next(repeated) for _, one in seen]
        stored = iter(inbox.store(connection, [row for row, id_ in zip(rows, first, strict=True) if id_ is None]))
        found = [next(stored) if id_ is None else StoreResult(id_, is_new=False) for id_ in first]
        ids = [result.id for (_, one), result in zip(seen, found, strict=True) if one is not None]
        waiting = [
            {**place, "id": id_, "number": what.number}
            for place, id_, what in zip(places, ids, recognised, strict=True)
            if what.number is not None
        ]
        unconfirmed.remember(connection, waiting, read_at)
        if any(sent.message.seen is not None and time.monotonic() > sent.until for sent in messages):
            # A process that was stopped meanwhile does not know whether the carrier has sent it elsewhere.
            raise StorageUnavailableError("it took too long")
        return found

    def _place(self, row: Mapping[str, object], seen: Seen) -> dict[str, object]:
        return {
            "bucket": row["bucket"],
            "provider": row["provider"],
            "slot": seen.slot,
            "epoch": seen.epoch,
            "sequence": seen.sequence,
            "fingerprint": self._sealer.fingerprint(seen.octets),
        }

    def _note_stamp(self, source: Source, message: InboundMessage, now: datetime) -> bool:
        """Note the provider's time of a new message. Return True if it is not believed."""
        given = _in_utc(message.received_at)
        self._clock_skew.note(source.provider, source.zone, Stamp(given, message.stamp_form or StampForm.ZONED), now)
        if given is None:
            return message.received_at is not None or message.stamp_form is StampForm.IMPOSSIBLE
        return not now - _MAX_AGE <= given <= now + _MAX_AHEAD

    def _row(self, sent: _Sent, now: datetime) -> dict[str, object]:
        source, message = sent.source, sent.message
        sender, reason = self._sender(sent)
        # The only part of a message is the whole message.
        part = message.part if message.part and message.part.total > 1 else None
        received_at = _in_utc(message.received_at)
        believed = received_at is not None and now - _MAX_AGE <= received_at <= now
        return {
            "bucket": bucket_of(sender),
            "msisdn": sender,
            "id": next(self._ids),
            "provider": source.provider,
            "provider_message_id": escape(message.message_id),
            "dialled": escape(_masked_address(message.dialled))[:32],
            "part": part.number if part else 0,
            "parts": part.total if part else None,
            "concat_ref": part.ref if part else None,
            **self._sealer.columns(message.text, _masked(message.text, part)),
            "reply_token": escape(message.reply_token) if message.reply_token else None,
            "received_at": received_at,
            "sent_at": received_at if believed else now,
            "stored_at": now,
            "status": InboundStatus.IGNORED if reason else InboundStatus.PENDING,
            "verdict": reason,
            "due_at": now,
            "tries": 0,
        }

    def _sender(self, sent: _Sent) -> tuple[str, str | None]:
        """Return the sender's number, and why it is not answered, if so."""
        source, message = sent.source, sent.message
        msisdn = parse_sender(message.sender, source.numbers)
        if msisdn is None:
            is_service = is_service_number(message.sender)
            reason = Ignored.NOT_A_SUBSCRIBER if is_service else Ignored.UNREADABLE_SENDER
            return sender_as_given(_masked_address(message.sender)), reason
        return msisdn, None if msisdn.startswith(self._allowed_prefixes) else Ignored.FOREIGN_PREFIX

    def _run_companions(self, connection: Connection, rows: Sequence[dict[str, object]], now: datetime) -> None:
        """Call the companion of each provider with its new messages, stored at ``now``."""
        for provider, companion in self._companions.items():
            own = [
                NewMessage(str(row["id"]), str(row["msisdn"]), now, is_answered=row["verdict"] is None)
                for row in rows
                if row["provider"] == provider
            ]
            if own:
                companion(connection, own)


def _changed_repeat(row: dict[str, object], now: datetime) -> dict[str, object]:
    """Return the row of a message with a known id and other content: stored for staff to find, but ignored."""
    final = {
        "status": InboundStatus.IGNORED,
        "verdict": Ignored.CHANGED_REPEAT,
        "handled_at": now,
        "sealed": None,
        "concat_ref": None,
    }
    return {**row, **final}


def _in_utc(moment: datetime | None) -> datetime | None:
    """Return a provider's time in UTC, or None if it lies in no plausible year."""
    return moment.astimezone(UTC) if moment is not None and is_believable(moment) else None


def _masked(text: str, part: PartOf | None) -> str | None:
    return mask_part(text, first=part.number == 1, last=part.number == part.total) if part else mask(text)


def _masked_address(address: str) -> str:
    """Return an address with anything masked that looks like a password, as a subscriber may have dialled one."""
    return mask(address) or address
