"""What came over one session and waits for the commit: it is answered then, in order (carriers.md 4.1 to 4.3)."""

import asyncio
import time
from collections.abc import Callable, Sequence

from app import observability
from app.domain.storage import StorageUnavailableError, UndecidedError
from app.providers.base import Inbox
from app.providers.session.dialect import Incoming
from app.providers.session.unconfirmed import Unconfirmed

_MOST_PER_BATCH = 500
log = observability.logger(__name__)


class Storing:
    """Stores what came, a batch at a time, while more is read.

    Attributes:
        replied: how many requests were answered, over the whole session.
        unconfirmed: what was stored, and whose answers the carrier may not have.
    """

    def __init__(
        self, inbox: Inbox, write: Callable[[bytes], object], again_seconds: float, on_progress: Callable[[], None]
    ) -> None:
        """``again_seconds``: the pause between two tries. ``on_progress`` is called after each batch."""
        self._inbox = inbox
        self._write = write
        self._again_seconds = again_seconds
        self._on_progress = on_progress
        self._queue: list[Incoming] = []
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_over = False
        # In monotonic seconds; None: it is there.
        self._away_since: float | None = None
        self.replied = 0
        self.unconfirmed = Unconfirmed()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def to_confirm(self) -> int:
        """How many answers the carrier should confirm; 0: none, as each message had an id of its own."""
        return self.replied if self.unconfirmed else 0

    def is_away_for(self, seconds: float) -> bool:
        """Whether the database has been away for so long."""
        return self._away_since is not None and time.monotonic() - self._away_since >= seconds

    def add(self, incoming: Incoming) -> None:
        """Queue what came; ``wake`` lets it be stored."""
        self._queue.append(incoming)
        self._idle.clear()

    def wake(self) -> None:
        """Store what is queued."""
        if self._queue:
            self._woken.set()

    async def idle(self, seconds: float) -> None:
        """Wait until everything is stored and answered, at most so long."""
        self.wake()
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            pass

    def end(self) -> None:
        """Answer nothing more, and begin no other try to store."""
        self._is_over = True
        self._woken.set()

    async def work(self) -> None:
        """Store and answer until ``end``; then the try that is under way decides what is stored."""
        while not self._is_over:
            await self._woken.wait()
            self._woken.clear()
            while self._queue and not self._is_over:
                batch = self._queue[:_MOST_PER_BATCH]
                replies = await self._replies(batch)
                del self._queue[: len(batch)]
                if replies and not self._is_over:
                    self._write(b"".join(replies))
                    self.replied += sum(map(bool, replies))
                    self._on_progress()
            self._idle.set()

    async def _replies(self, batch: Sequence[Incoming]) -> list[bytes]:
        """Return the answers to a batch, once it is stored; none if the session ended before."""
        while not self._is_over:
            try:
                await self._store(batch)
            except StorageUnavailableError:
                self._away_since = self._away_since or time.monotonic()
                if all(item.later is not None for item in batch):
                    return [item.later or b"" for item in batch]
                await asyncio.sleep(self._again_seconds)
            except Exception as error:
                if len(batch) > 1:
                    return [reply for item in batch for reply in await self._replies([item])]
                if not isinstance(error, UndecidedError):
                    log.exception("what a carrier sent could not be stored")
                    return [batch[0].refusal]
                await asyncio.sleep(self._again_seconds)
            else:
                return self._replies_to_stored(batch)
        return []

    def _replies_to_stored(self, batch: Sequence[Incoming]) -> list[bytes]:
        self._away_since = None
        place = self.replied
        for item in batch:
            # What is stored of a late answer of the carrier's is not answered.
            place += bool(item.reply)
            if item.message is not None and item.message.seen is not None:
                self.unconfirmed.add(place, item.message.seen)
        return [item.reply for item in batch]

    def confirm(self, answers: int) -> None:
        """Note that the carrier has the first answers."""
        seen = self.unconfirmed.confirm(answers)
        if seen is not None:
            self._inbox.confirm(seen.slot, seen.epoch, seen.sequence)

    async def _store(self, batch: Sequence[Incoming]) -> None:
        undecided = [(item.message, item.report) for item in batch if item.message and item.report]
        decided = await self._inbox.reports([report for _, report in undecided]) if undecided else ()
        no_messages = {id(message) for (message, _), is_report in zip(undecided, decided, strict=True) if is_report}
        messages = [item.message for item in batch if item.message is not None and id(item.message) not in no_messages]
        reports = [item.report for item in batch if item.report is not None and item.message is None]
        calls: list[asyncio.Future[object]] = []
        if messages:
            calls.append(asyncio.ensure_future(self._inbox.messages(messages)))
        if reports:
            calls.append(asyncio.ensure_future(self._inbox.reports(reports)))
        for error in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(error, BaseException):
                raise error
