"""The submits of one session without an answer: never more than the window allows (carriers.md 4.4 to 4.6)."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.messages import DeliveryReport, OutboundStatus
from app.domain.values import value
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Unknown
from app.providers.session.message import Progress


@value
class About:
    """The message that a segment belongs to.

    Attributes:
        reference: the gateway's.
        part: the number of the segment, from 1, if there are several.
        progress: what is known of all segments; they share it.
    """

    reference: str
    part: int | None = None
    progress: Progress | None = None

    @property
    def has_failed(self) -> bool:
        """Whether another segment was refused for good, so that this one need not be sent."""
        return self.progress is not None and self.progress.has_failed


# The answer to come of a segment, or why it was not submitted.
Submitted = asyncio.Future[SendResult] | RefusedForNow


@dataclass(slots=True)
class Asked:
    """A submit without an answer.

    Attributes:
        at: when it was asked, in monotonic seconds.
        write: the place of its octets among the session's writes.
        mark: how many of the carrier's requests were answered before it.
        answer: gets the result; done already if the answer is late.
        is_open: whether the sender still waits.
    """

    about: About
    at: float
    write: int
    mark: int
    answer: asyncio.Future[SendResult]
    is_open: bool = True


class Window:
    """The submits without an answer, and the segments that wait for a place among them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._asked: dict[int, Asked] = {}
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._promised = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.unanswered = 0
        """Submits whose sender still waits for the answer."""

    def __len__(self) -> int:
        return len(self._asked)

    async def place(self, until: float) -> bool:
        """Wait for a place. Return False if there is none ``until`` then (monotonic seconds), or none any more."""
        if not self._waiting and len(self._asked) + self._promised < self._size:
            self._promised += 1
            return True
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await waiting
        except TimeoutError:
            self._withdraw(waiting)
            return False
        except asyncio.CancelledError:
            self._withdraw(waiting)
            raise

    def ask(self, sequence: int, asked: Asked) -> None:
        """Use the place that ``place`` gave."""
        self._promised -= 1
        self._asked[sequence] = asked
        self.unanswered += 1
        self._idle.clear()

    def give_back(self) -> None:
        """Return the place that ``place`` gave, unused."""
        self._promised -= 1
        self._give_places()

    def answered(self, sequence: int, result: SendResult) -> tuple[Asked, Sequence[DeliveryReport]] | None:
        """Settle a submit. Return it, and what is to be reported if its sender has given up; None if there is none."""
        asked = self._asked.pop(sequence, None)
        if asked is None:
            return None
        if isinstance(result, Accepted) and not result.provider_message_id:
            # No report will ever name it.
            result = Accepted(asked.about.reference)
        if isinstance(result, Refused) and asked.about.progress is not None:
            asked.about.progress.has_failed = True
        late = _late(asked.about, result) if asked.answer.done() else ()
        self._settle(asked, result)
        self._give_places()
        return asked, late

    def sweep(self, now: float, answer_seconds: float, place_seconds: float) -> None:
        """Give up what was asked too long ago: first the answer, later the place."""
        for sequence, asked in list(self._asked.items()):
            if now - asked.at < answer_seconds:
                break
            self._settle(asked, Unknown("no answer"))
            if now - asked.at >= place_seconds:
                del self._asked[sequence]
        self._give_places()

    def close(self) -> None:
        """Give no more places."""
        self._size = 0
        while self._waiting:
            self._answer_waiting(has_place=False)

    def end(self, written: int) -> None:
        """Settle everything, as the link broke: of what was written nobody knows whether it arrived."""
        self.close()
        for asked in self._asked.values():
            lost = Unknown("link lost") if asked.write <= written else RefusedForNow("link lost before it was sent")
            self._settle(asked, lost)
        self._asked.clear()

    async def idle(self, seconds: float) -> None:
        """Wait until every sender has its answer, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            pass

    def _withdraw(self, waiting: asyncio.Future[bool]) -> None:
        """Return the place that came in the moment in which the wait for it ended."""
        if waiting.done() and not waiting.cancelled() and waiting.result():
            self.give_back()

    def _settle(self, asked: Asked, result: SendResult) -> None:
        if not asked.is_open:
            return
        asked.is_open = False
        if not asked.answer.done():
            asked.answer.set_result(result)
        self.unanswered -= 1
        if not self.unanswered:
            self._idle.set()

    def _give_places(self) -> None:
        while self._waiting and len(self._asked) + self._promised < self._size:
            if self._answer_waiting(has_place=True):
                self._promised += 1

    def _answer_waiting(self, *, has_place: bool) -> bool:
        waiting = self._waiting.popleft()
        if waiting.done():
            return False
        waiting.set_result(has_place)
        return True


def _late(about: About, result: SendResult) -> Sequence[DeliveryReport]:
    """Return the late answer to a submit as reports on its message (carriers.md 1.6).

    Of a message with several segments an acceptance counts once all of them are accepted.
    """
    match result:
        case Accepted(theirs):
            if about.part is None or about.progress is None:
                return [DeliveryReport(theirs, OutboundStatus.ACCEPTED, reference=about.reference)]
            about.progress.ids[about.part - 1] = theirs
            known = [one for one in about.progress.ids if one is not None]
            if len(known) < len(about.progress.ids):
                return ()
            # With their number: of a carrier whose alphabet is smaller the outbox counts fewer.
            return [
                DeliveryReport(one, OutboundStatus.ACCEPTED, reference=about.reference, part=part, segments=len(known))
                for part, one in enumerate(known, 1)
            ]
        case Refused(code) | RefusedForNow(code):
            return [DeliveryReport("", OutboundStatus.FAILED, code, reference=about.reference, part=about.part)]
        case _:
            return ()


class SequenceNumbers:
    """Sequence numbers of one bind: from a random start, over all its sessions."""

    def __init__(self, randrange: Callable[[int, int], int]) -> None:
        self._randrange = randrange
        self._last: int | None = None

    def next(self, least: int, greatest: int) -> int:
        """Return the next number between two bounds, both included."""
        if self._last is None:
            self._last = self._randrange(least, greatest)
        self._last = self._last + 1 if self._last < greatest else least
        return self._last
