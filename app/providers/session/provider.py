"""The adapter of a carrier that the gateway holds sessions with; kinds add their dialect (carriers.md 4)."""

import asyncio
import random
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from app.domain.msisdn import bucket_of
from app.options import ProviderOptions, secret_values
from app.pacing import Pace
from app.providers.base import (
    Accepted,
    BindEndedError,
    Inbox,
    Lease,
    Provider,
    Refused,
    RefusedForNow,
    SendResult,
    Submission,
    Surroundings,
)
from app.providers.session.backoff import Backoff
from app.providers.session.bind import Bind
from app.providers.session.dialect import Dialect, End, EndKind
from app.providers.session.message import Progress, combined
from app.providers.session.options import SessionOptions
from app.providers.session.session import Session
from app.providers.session.shared import Shared
from app.providers.session.window import About, SequenceNumbers, Submitted

_REFERENCES = 1 << 16
_SUBMIT_ABOVE = 10.0  # seconds of a lease


@dataclass(slots=True)
class _Slot:
    """What outlasts the sessions of a slot. ``secret`` is the place of the one to bind with."""

    sequence: SequenceNumbers
    backoff: Backoff
    pace: Pace
    secret: int = 0
    refused_secrets: int = 0


class SessionProvider(Provider):
    """Keeps up the binds of a provider, and submits over them. Kinds add ``dialects`` and ``segments``.

    Attributes:
        times: the times of its sessions.
        secrets: the secrets of the bind, in the order in which they are tried.
    """

    options: ClassVar[type[ProviderOptions]] = SessionOptions
    paces_itself: ClassVar[bool] = True
    default_rate: ClassVar[float | None] = None

    def __init__(self, name: str, options: SessionOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.can_send, self.slots = True, options.binds
        self.times = options.times()
        self.secrets = secret_values(options.secret)
        self._addresses = options.addresses()
        self._window = options.window or self.default_window
        rate = options.rate / options.binds if options.rate else None
        self._slots = [
            _Slot(SequenceNumbers(random.randint), Backoff(random.random), Pace(rate)) for _ in range(self.slots)
        ]
        self._binds: dict[int, Bind] = {}
        self._reference = random.randrange(_REFERENCES)  # noqa: S311  tells messages apart, guards nothing
        self._long: dict[str, asyncio.Event] = {}

    # ---- what a kind adds

    @abstractmethod
    def dialects(self, slot: int, secret: str) -> Sequence[Dialect]:
        """Return the dialects of one bind, one for each of its sessions; the first one submits."""

    @abstractmethod
    def segments(self, item: Submission, reference: int) -> Sequence[bytes] | Refused:
        """Return the segments of a message as ``Dialect.submit`` takes them; Refused if it can have none.

        ``reference`` is a number of 16 bits that those of a message share.
        """

    def note_end(self, end: End, *, was_up: bool) -> None:
        """Learn from the end of a bind how to begin the next one."""

    # ---- binds

    @property
    @override
    def slots_up(self) -> frozenset[int]:
        return frozenset(slot for slot, bind in self._binds.items() if bind.accepts)

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        # A session is begun only when the database is there (carriers.md 4.3).
        while lease.seconds_left <= _SUBMIT_ABOVE:  # noqa: ASYNC110  a lease is a clock, and tells nobody
            await asyncio.sleep(self.times.tick)
        state = self._slots[slot]
        shared = Shared(self.name, self._window, self.times, state.pace, state.sequence)
        secret = self.secrets[state.secret]
        bind = Bind([Session(dialect, inbox, lease, shared) for dialect in self.dialects(slot, secret)])
        try:
            end = await bind.open(self._addresses)
            if end is None:
                self._binds[slot] = bind
                end = await bind.ended()
            lasted = bind.lasted
            await bind.part()
        except asyncio.CancelledError:
            await bind.drain()
            await bind.part()
            raise
        finally:
            self._binds.pop(slot, None)
            bind.close()
            await bind.settle()
        self.note_end(end, was_up=lasted > 0)
        pause = state.backoff.pause(self._kind(state, end, lasted), lasted)
        raise BindEndedError(end.reason, pause, end.kind.value)

    def _kind(self, state: _Slot, end: End, lasted: float) -> EndKind:
        """Return what decides about the pause; a refused secret counts once all of them were refused."""
        if lasted:
            state.refused_secrets = 0
        if not end.blames_secret:
            return end.kind
        state.refused_secrets += 1
        state.secret = (state.secret + 1) % len(self.secrets)
        return EndKind.LINK if state.refused_secrets % len(self.secrets) else EndKind.IDENTITY

    # ---- out

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        return [await self._send_one(item) for item in submissions]

    async def _send_one(self, item: Submission) -> SendResult:
        # All segments of a message go one behind the other, nothing of that subscriber between them (carriers.md 3.5).
        until = time.monotonic() + self.times.begin
        while (others := self._long.get(item.recipient)) is not None:
            if not await _happens(others, until):
                return RefusedForNow("another message to the recipient is under way")
        bind = self._bind_for(item.recipient)
        if bind is None:
            return RefusedForNow("no bind is up")
        progress = Progress.read(item.progress)
        segments = self.segments(item, progress.reference if progress else self._reference)
        if isinstance(segments, Refused):
            return segments
        if len(segments) == 1:
            answer = await bind.submit(segments[0], About(item.reference), until)
            return answer if isinstance(answer, RefusedForNow) else await answer
        if progress is None or len(progress.ids) != len(segments):
            progress = Progress(self._reference, [None] * len(segments))
            self._reference = (self._reference + 1) % _REFERENCES
        begun = self._long[item.recipient] = asyncio.Event()
        try:
            results = await _begin(bind, item.reference, segments, progress, until)
        finally:
            del self._long[item.recipient]
            begun.set()
        return combined([one if not isinstance(one, asyncio.Future) else await one for one in results], progress)

    def _bind_for(self, recipient: str) -> Bind | None:
        """Return the bind of a number's bucket, or another one of this process; None if none is up."""
        bucket = bucket_of(recipient)
        bind = self._binds.get(bucket % self.slots)
        if bind is not None and bind.accepts:
            return bind
        ready = [bind for _, bind in sorted(self._binds.items()) if bind.accepts]
        return ready[bucket % len(ready)] if ready else None


async def _happens(event: asyncio.Event, until: float) -> bool:
    """Wait for an event. Return False if it did not happen until then (monotonic seconds)."""
    try:
        async with asyncio.timeout(until - time.monotonic()):
            return await event.wait()
    except TimeoutError:
        return False


async def _begin(
    bind: Bind, reference: str, segments: Sequence[bytes], progress: Progress, until: float
) -> list[SendResult | Submitted]:
    """Submit the segments that were not accepted before. After a refusal the rest is not begun."""
    results: list[SendResult | Submitted] = []
    for place, segment in enumerate(segments):
        known = progress.ids[place]
        if known is not None:
            results.append(Accepted(known))
        elif progress.has_failed:
            results.append(RefusedForNow("not begun"))
        else:
            results.append(await bind.submit(segment, About(reference, place + 1, progress), until))
    return results
