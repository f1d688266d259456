"""Dispatch of claimed messages to a provider, in order and within its window and rate."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from app import observability
from app.db.outbox import ClaimedMessage
from app.domain.escape import unescape
from app.domain.messages import Lane
from app.pacing import Pace
from app.providers.base import Accepted, NotTried, Provider, RefusedForNow, SendResult, Submission, Unknown

Attempted = tuple[ClaimedMessage, SendResult]
# How long results are batched while other calls are in flight, so that a hanging call does not delay recording them.
_BATCH_SECONDS = 0.02
# No more is claimed than is sent in this time, so that prompt messages do not queue behind many others.
_AHEAD_SECONDS = 5.0
log = observability.logger(__name__)


@dataclass(slots=True)
class _Line:
    """Messages of one recipient and lane, sent one after the other. ``start_by`` is in monotonic seconds."""

    messages: deque[ClaimedMessage]
    start_by: float


def in_lines(messages: Sequence[ClaimedMessage]) -> Sequence[Sequence[ClaimedMessage]]:
    """Return the messages of each recipient and lane, prompt ones first; of those the first one's come first."""
    lines: dict[tuple[str, str], list[ClaimedMessage]] = {}
    for message in messages:
        lines.setdefault((message.msisdn, message.lane), []).append(message)
    return sorted(lines.values(), key=lambda line: line[0].lane != Lane.PROMPT)


class Dispatch:
    """Sends messages, prompt ones first, each line in order, with as many parallel calls as the window allows."""

    def __init__(self, provider: Provider, window: int, pace: Pace, longest_call_seconds: float) -> None:
        """``window``: the most calls in flight through a slot.

        ``longest_call_seconds``: when a call is abandoned as unknown.
        """
        self._provider = provider
        self._window_of_slot = window
        self._pace = pace
        self._longest_call_seconds = longest_call_seconds
        self._seconds = observability.HANDOVER_SECONDS.labels(provider.name)
        self.use_slots(1, 1)
        self._ready: dict[str, deque[_Line]] = {Lane.PROMPT.value: deque(), Lane.BULK.value: deque()}
        self._calls: set[asyncio.Task[None]] = set()
        self._workers = 0
        self._waiting_for_pace = 0
        self._finished: list[Attempted] = []
        self._unfinished = 0
        self._woken = asyncio.Event()
        self._batch_timer: asyncio.TimerHandle | None = None

    # ---- for delivery

    def use_slots(self, number: int, of: int) -> None:
        """Send through a number of the provider's slots from now on, with the window and the part of the rate of each.

        With none everything stays as it is: nothing is added then.
        """
        if number:
            self._window = self._window_of_slot * number
            self._capacity = max(self._window * 2, self._provider.most_per_call)
            self._pace.use_part(number / of)

    @property
    def busy(self) -> bool:
        """Return True if messages are queued, in flight, or finished but not recorded yet."""
        return self._unfinished > 0 or bool(self._finished)

    @property
    def room(self) -> int:
        """Return how many more messages may be claimed."""
        most = (
            self._capacity if (rate := self._pace.rate) is None else min(self._capacity, int(rate * _AHEAD_SECONDS) + 1)
        )
        return max(0, most - self._unfinished - len(self._finished))

    def add(self, messages: Sequence[ClaimedMessage], start_by: float) -> None:
        """Queue messages for sending.

        Those whose sending has not begun at ``start_by`` (monotonic seconds) are given back: their lease would run out.
        """
        for line in in_lines(messages):
            self._ready[line[0].lane].append(_Line(deque(line), start_by))
        self._unfinished += len(messages)
        for _ in range(min(self._window - self._workers, self._lines_ready())):
            self._workers += 1
            task = asyncio.create_task(self._work())
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def give_back(self) -> None:
        """Finish all messages whose sending has not begun as not tried."""
        for lines in self._ready.values():
            while lines:
                self._give_back(lines.popleft())
        self._woken.set()

    def take_finished(self) -> list[Attempted]:
        """Return the messages that finished since the last call, with their results, to be recorded."""
        self._woken.clear()
        finished, self._finished = self._finished, []
        return finished

    def return_finished(self, finished: list[Attempted]) -> None:
        """Take back finished messages that could not be recorded, as the database is away."""
        self._finished = finished + self._finished

    def wake(self) -> None:
        """Wake ``wait_for_progress``, as there may be messages to claim."""
        self._woken.set()

    async def wait_for_progress(self) -> None:
        """Wait until there is enough to record, or until ``wake`` is called."""
        await self._woken.wait()

    async def finish(self) -> None:
        """Begin no more calls, and wait for those in flight."""
        self.give_back()
        await asyncio.gather(*self._calls)

    def _lines_ready(self) -> int:
        return sum(map(len, self._ready.values()))

    # ---- sending

    async def _work(self) -> None:
        try:
            # No more workers wait for the pace than lines are ready, so that no token of the bucket is wasted.
            while self._lines_ready() > self._waiting_for_pace:
                self._waiting_for_pace += 1
                await self._pace.wait()
                self._waiting_for_pace -= 1
                if lines := self._next_batch():
                    await self._send_batch(lines)
                else:
                    self._notify()
        finally:
            # No await lies between finding no line ready and this, so ``add`` starts a worker for any later line.
            self._workers -= 1

    def _next_batch(self) -> list[tuple[_Line, list[ClaimedMessage]]]:
        """Take as many messages as one call may have, prompt ones first, grouped by their lines."""
        left = self._provider.most_per_call
        picked: list[tuple[_Line, list[ClaimedMessage]]] = []
        for lines in self._ready.values():
            while lines and left:
                line = lines.popleft()
                if time.monotonic() > line.start_by or not self._provider.is_ready:
                    self._give_back(line)
                    continue
                messages_of_line = [line.messages.popleft() for _ in range(min(left, len(line.messages)))]
                left -= len(messages_of_line)
                picked.append((line, messages_of_line))
        return picked

    async def _send_batch(self, lines: list[tuple[_Line, list[ClaimedMessage]]]) -> None:
        messages = [message for _, messages_of_line in lines for message in messages_of_line]
        results = iter(await self._call_provider(messages))
        for line, messages_of_line in lines:
            own_results = [next(results) for _ in messages_of_line]
            self._finished += zip(messages_of_line, own_results, strict=True)
            self._unfinished -= len(messages_of_line)
            self._obey_throttling(own_results)
            if not all(isinstance(result, Accepted) for result in own_results):
                # Behind one that was refused for good, too: what is sent before that is recorded would be in front of
                # it, if this process died now and the next attempt succeeded.
                self._give_back(line)
            elif line.messages:
                # Behind the other lines, so that a long line does not delay them.
                self._ready[messages_of_line[0].lane].append(line)
        self._notify()

    def _obey_throttling(self, results: Sequence[SendResult]) -> None:
        """Slow down or pause at once if the provider throttled, before anything is recorded."""
        throttled = [item for item in results if isinstance(item, RefusedForNow) and item.throttled]
        if throttled:
            self._pace.slow_down()
        if any(item.retry_after for item in throttled):
            self.give_back()

    async def _call_provider(self, messages: Sequence[ClaimedMessage]) -> Sequence[SendResult]:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._longest_call_seconds):
                results = await self._provider.send([submission_of(message) for message in messages])
            if len(results) != len(messages):
                raise ValueError(f"{len(results)} results for {len(messages)} messages")  # noqa: TRY301  handled alike
        except TimeoutError:
            return [Unknown(f"no answer within {self._longest_call_seconds:g} s")] * len(messages)
        except Exception as error:
            log.exception("a provider adapter raised", provider=self._provider.name)
            return [Unknown(type(error).__name__)] * len(messages)
        finally:
            self._seconds.observe(time.monotonic() - began)
        return results

    def _give_back(self, line: _Line) -> None:
        self._finished += [(message, NotTried()) for message in line.messages]
        self._unfinished -= len(line.messages)
        line.messages.clear()

    def _notify(self) -> None:
        if not self._unfinished or len(self._finished) >= self._window:
            self._woken.set()
        elif self._batch_timer is None:
            self._batch_timer = asyncio.get_running_loop().call_later(_BATCH_SECONDS, self._end_batch)

    def _end_batch(self) -> None:
        self._batch_timer = None
        self._woken.set()


def submission_of(message: ClaimedMessage) -> Submission:
    """Return what a provider is given of a claimed message."""
    return Submission(
        message.id,
        message.service_number,
        message.msisdn,
        message.text,
        message.encoding,
        message.segments,
        message.kind,
        message.lane,
        message.in_reply_to,
        message.valid_until,
        unescape(message.reply_token) if message.reply_token else None,
        message.progress,
    )
