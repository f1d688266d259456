"""One session with a carrier: bound, tested, ended (carriers.md 4)."""

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

from app import observability
from app.providers.base import Inbox, Lease, RefusedForNow
from app.providers.session.dialect import (
    Answered,
    Bound,
    Dialect,
    End,
    EndKind,
    Goodbye,
    GoodbyeAnswered,
    Heard,
    Ignored,
    Incoming,
    Reply,
    Tested,
)
from app.providers.session.figures import Figures
from app.providers.session.keepalive import KeepAlive
from app.providers.session.link import Address, Link, connect
from app.providers.session.shared import Shared
from app.providers.session.storing import Storing
from app.providers.session.window import About, Asked, Submitted, Window

# With so little left of the lease nothing more is submitted, and with so little the session is ended (seconds).
_SUBMIT_ABOVE, _END_BELOW = 10.0, 1.0
_MOST_UNANSWERED = 1000
log = observability.logger(__name__)


class Session:
    """One connection on which a dialect is spoken. It is made within the event loop, and used once."""

    def __init__(self, dialect: Dialect, inbox: Inbox, lease: Lease, shared: Shared) -> None:
        self._dialect, self._lease, self._times = dialect, lease, shared.times
        self._window, self._pace, self._sequence = Window(shared.window), shared.pace, shared.sequence
        self._figures = Figures(shared.provider)
        self._loop = asyncio.get_running_loop()
        self._link = Link((dialect.shortest, dialect.longest), lease, self._on_pdu, self._on_read, self._on_end)
        self._storing = Storing(inbox, self._link.write, shared.times.again, self._on_stored)
        self._bound: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[End] = self._loop.create_future()
        self._keepalive = KeepAlive(shared.times)
        self._bound_at: float | None = None
        # Our goodbye: when it was said, and why. The carrier's: what answers it.
        self._left_at: float | None = None
        self._end: End | None = None
        self._wanted_end: End | None = None
        self._last_words, self._has_left, self._is_leaving = b"", False, False
        self._replied_before_goodbye, self._replied_at = 0, 0.0
        self._work: asyncio.Task[None] | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._ticked_at = math.inf

    # ---- its life

    async def open(self, addresses: Sequence[Address]) -> End | None:
        """Connect to the first address that answers, and bind. Return why it is not bound; None: it is.

        ``close`` must follow in any case.
        """
        if end := await connect(self._link, addresses, self._times.connect):
            return end
        self._work = asyncio.create_task(self._storing.work())
        self._link.write(self._dialect.bind(self._next()))
        self._tick()
        first: list[asyncio.Future[Any]] = [self._bound, self._ended]
        await asyncio.wait(first, timeout=self._times.answer, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            return self._ended.result()
        return None if self._bound.done() else End(EndKind.LINK, "the bind was not answered")

    async def ended(self) -> End:
        """Wait until the session has ended; return why."""
        return await asyncio.shield(self._ended)

    @property
    def lasted(self) -> float:
        """For how many seconds it has been bound; 0: never."""
        return 0.0 if self._bound_at is None else time.monotonic() - self._bound_at

    async def drain(self) -> None:
        """Take no more, wait for the answers under way, answer what came, and say goodbye (carriers.md 3.4)."""
        self._is_leaving = True
        self._window.close()
        until = time.monotonic() + self._times.answer
        if not self._ended.done():
            await self._window.idle(self._times.answer)
        if not self._ended.done():
            await self._storing.idle(max(0.0, until - time.monotonic()))
        if not self._ended.done() and self._bound_at is not None:
            self._say_goodbye(End(EndKind.PEER, "the gateway ends the session"))
            await self._ended

    async def part(self) -> None:
        """Answer the carrier's goodbye, behind what came before it."""
        if self._last_words:
            await self._storing.idle(self._times.confirm)
            self._link.write(self._last_words)

    def close(self) -> None:
        """Close the connection, and give every submit that waits a result."""
        self._is_leaving = True
        if self._ticking is not None:
            self._ticking.cancel()
        self._storing.end()
        self._link.close()
        self._window.end(self._link.written)
        self._figures.show(0, 0)

    async def settle(self) -> None:
        """Wait for the try to store that is under way, and note which answers the carrier has."""
        if self._work:
            await self._work
        self._storing.confirm(self._keepalive.confirmed)

    # ---- out

    @property
    def accepts(self) -> bool:
        """Whether a segment can be submitted now."""
        return self._bound_at is not None and not self._is_leaving and not self._ended.done() and not self._is_stalled

    @property
    def _is_stalled(self) -> bool:
        """Whether the database, or the lease, has been away for too long to submit more."""
        return self._lease.seconds_left <= _SUBMIT_ABOVE or self._storing.is_away_for(self._times.stall)

    async def submit(self, segment: bytes, about: About, until: float) -> Submitted:
        """Write a segment as soon as pace and window allow. Return its answer to come.

        ``until`` is how long it may wait for that, in monotonic seconds; then it is refused for now, as it is without
        a session.
        """
        if not await self._window.place(until):
            return RefusedForNow("the window is full" if self.accepts else "the session is ending")
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await self._pace.wait()
        except TimeoutError:
            self._window.give_back()
            return RefusedForNow("the pace allows no more")
        except asyncio.CancelledError:
            self._window.give_back()
            raise
        if not self.accepts or about.has_failed:
            self._window.give_back()
            return RefusedForNow("not begun")
        sequence, answer = self._next(), self._loop.create_future()
        place = self._link.write(self._dialect.submit(sequence, segment))
        self._window.ask(sequence, Asked(about, time.monotonic(), place, self._storing.replied, answer))
        return answer

    def _next(self) -> int:
        return self._sequence.next(self._dialect.least_sequence, self._dialect.greatest_sequence)

    # ---- in

    def _on_pdu(self, pdu: bytes) -> None:
        heard = self._dialect.read(pdu)
        if isinstance(heard, Answered):
            self._on_answer(heard)
        elif not self._ended.done() and not self._has_slept():
            self._on_request(heard)

    def _on_request(self, heard: Heard) -> None:
        match heard:
            case Incoming():
                if self._left_at is None:
                    self._on_incoming(heard)
            case Reply(octets, bad):
                self._link.write(octets)
                self._figures.bad(bad)
            case Tested(sequence):
                self._keepalive.answered(sequence)
            case Ignored(bad):
                self._figures.bad(bad)
            case Bound():
                self._bound_at = time.monotonic()
                self._bound.set_result(None)
            case Goodbye(octets):
                self._last_words, self._has_left = octets, True
                self._end = self._end or End(EndKind.PEER, "the carrier ended the session")
            case GoodbyeAnswered():
                self._has_left = True
                self._keepalive.confirm(self._replied_before_goodbye)
            case End():
                self._end = heard

    def _on_incoming(self, incoming: Incoming) -> None:
        self._storing.add(incoming)
        self._figures.bad(incoming.bad)
        if len(self._storing) >= _MOST_UNANSWERED:
            self._link.read(on=False)

    def _on_answer(self, heard: Answered) -> None:
        if self._keepalive.answered(heard.sequence):
            return
        found = self._window.answered(heard.sequence, heard.result)
        if found is None:
            self._figures.bad("answer to nothing")
            return
        asked, late = found
        self._figures.answered(heard.result, time.monotonic() - asked.at)
        self._keepalive.confirm(asked.mark)
        if isinstance(heard.result, RefusedForNow):
            self._on_refusal(heard.result, heard.check)
        for report in late:
            self._storing.add(Incoming(None, report, b""))
        if heard.end is not None and self._wanted_end is None:
            self._is_leaving, self._wanted_end = True, heard.end
        self._leave_if_wanted()

    def _on_refusal(self, result: RefusedForNow, check: str | None) -> None:
        if result.throttled:
            self._pace.slow_down()
        if check is not None:
            provider = self._figures.provider
            log.warning(
                "the carrier does not accept our settings", provider=provider, code=result.error_code, check=check
            )

    def _on_read(self) -> None:
        """Store what one read brought together, and end the session if the carrier has."""
        self._storing.wake()
        # Our own goodbye ends the session when it is answered, or crossed by the carrier's.
        if self._end is not None and (self._has_left or self._left_at is None):
            self._on_end(self._end)

    def _on_stored(self) -> None:
        self._replied_at = time.monotonic()
        if len(self._storing) < _MOST_UNANSWERED:
            self._link.read(on=True)

    def _on_end(self, end: End) -> None:
        if not self._ended.done():
            self._ended.set_result(self._end or end)

    # ---- what time brings

    def _has_slept(self) -> bool:
        """End the session if the process was stopped: the carrier may have sent elsewhere what is read only now."""
        if time.monotonic() - self._ticked_at < self._times.asleep:
            return False
        self._storing.end()
        self._link.abort(End(EndKind.STORAGE, "the process was stopped for some time"))
        return True

    def _tick(self) -> None:
        self._ticking = self._loop.call_later(self._times.tick, self._tick)
        if not self._ended.done() and self._has_slept():
            return
        now = self._ticked_at = time.monotonic()
        link = self._link
        self._storing.confirm(self._keepalive.confirmed)
        self._window.sweep(now, self._times.answer, self._times.place)
        self._figures.show(len(self._window), len(self._storing))
        if self._lease.seconds_left <= 0:
            link.abort(End(EndKind.STORAGE, "the lease of the bind ran out"))
        elif self._left_at is not None:
            if now - self._left_at >= self._times.goodbye:
                link.abort(End(EndKind.PEER, "the goodbye was not answered"))
        elif link.is_reading and link.is_within_pdu and now - link.heard_at >= self._times.half:
            link.abort(End(EndKind.LINK, "half a PDU came, and no more"))
        elif self._bound_at is not None:
            self._leave_if_wanted()
            if self._is_stalled and self._must_give_up():
                self._say_goodbye(End(EndKind.STORAGE, "the database is away"))
            elif link.is_reading:
                self._test_link(now)

    def _must_give_up(self) -> bool:
        """Whether a stalled session is ended now: with nothing under way at once, else at the last moment."""
        is_last = self._storing.is_away_for(self._times.give_up) or self._lease.seconds_left <= _END_BELOW
        return is_last or not self._window.unanswered

    def _test_link(self, now: float) -> None:
        if self._keepalive.is_dead(now, self._link.heard_at):
            self._link.abort(End(EndKind.LINK, "the carrier does not answer"))
        elif self._keepalive.is_due(now, self._link.heard_at, self._storing.to_confirm, self._replied_at):
            sequence = self._next()
            self._link.write(self._dialect.test(sequence))
            self._keepalive.sent(sequence, now, self._storing.replied)

    def _leave_if_wanted(self) -> None:
        """Say goodbye once nothing is under way, after an answer that only a new session can put right."""
        if self._wanted_end is not None and self._left_at is None and not self._window.unanswered:
            self._say_goodbye(self._wanted_end)

    def _say_goodbye(self, end: End) -> None:
        self._is_leaving, self._end, self._left_at = True, end, time.monotonic()
        self._replied_before_goodbye = self._storing.replied
        self._link.write(self._dialect.goodbye(self._next()))
