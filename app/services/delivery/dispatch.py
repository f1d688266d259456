"""What a worker has claimed and not recorded yet: who goes next, within the provider's window and rate."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from app import observability
from app.db.outbox import ClaimedMessage
from app.domain.messages import Lane
from app.providers.base import Accepted, NotTried, Provider, Refused, RefusedForNow, SendResult, Submission, Unknown
from app.services.delivery.pacing import Pace

Attempted = tuple[ClaimedMessage, SendResult]
_LineKey = tuple[str, str]
# So long are results gathered while other calls are under way: one that hangs keeps nobody's from the database.
_GATHER_SECONDS = 0.02
# No more is claimed than goes out in this time, so that prompt messages find no long queue of others before them.
_AHEAD_SECONDS = 5.0
log = observability.logger(__name__)


@dataclass(slots=True)
class _Line:
    """Messages of one recipient and lane, that go one after the other."""

    messages: deque[ClaimedMessage]
    start_by: float


class Dispatch:
    """Hands messages over, prompt ones first, each line in order, as many calls at once as the window allows."""

    def __init__(self, provider: Provider, window: int, pace: Pace, longest_call: float) -> None:
        """``longest_call``: seconds after which a call is given up, whatever the adapter does."""
        self._provider = provider
        self._window = window
        self._pace = pace
        self._longest_call = longest_call
        self._capacity = max(window * 2, provider.most_per_call)
        self._ready: dict[str, deque[_Line]] = {Lane.PROMPT.value: deque(), Lane.BULK.value: deque()}
        self._calls: set[asyncio.Task[None]] = set()
        self._workers = 0
        self._pacing = 0
        self._finished: list[Attempted] = []
        self._open = 0
        self._stirred = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None

    # ---- for delivery

    @property
    def busy(self) -> bool:
        """Whether something is waiting, under way, or not recorded yet."""
        return self._open > 0 or bool(self._finished)

    @property
    def room(self) -> int:
        """How many more messages can be claimed."""
        most = (
            self._capacity if (rate := self._pace.rate) is None else min(self._capacity, int(rate * _AHEAD_SECONDS) + 1)
        )
        return max(0, most - self._open - len(self._finished))

    def add(self, messages: Sequence[ClaimedMessage], start_by: float) -> None:
        """Send messages; what was not begun at ``start_by`` (monotonic) is not tried: its lease would run out."""
        lines: dict[_LineKey, _Line] = {}
        for message in messages:
            line = lines.get((message.msisdn, message.lane))
            if line is None:
                line = lines[message.msisdn, message.lane] = _Line(deque(), start_by)
                self._ready[message.lane].append(line)
            line.messages.append(message)
        self._open += len(messages)
        for _ in range(min(self._window - self._workers, self._lines_ready())):
            self._workers += 1
            task = asyncio.create_task(self._work())
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def give_back(self) -> None:
        """Give back what was not begun."""
        for lines in self._ready.values():
            while lines:
                self._give_back(lines.popleft())
        self._stirred.set()

    def take_finished(self) -> list[Attempted]:
        """What was attempted or given back since the last time, to be recorded."""
        self._stirred.clear()
        finished, self._finished = self._finished, []
        return finished

    def put_back(self, finished: list[Attempted]) -> None:
        """They could not be recorded: the database is away."""
        self._finished = finished + self._finished

    def stir(self) -> None:
        """There may be something new to claim."""
        self._stirred.set()

    async def progress(self, timeout_seconds: float) -> None:
        """Wait until there is enough to record, or something to claim, or the time is over."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._stirred.wait()
        except TimeoutError:
            return

    async def finish(self) -> None:
        """Begin nothing more, and wait until what is under way has ended."""
        self.give_back()
        await asyncio.gather(*self._calls)

    def _lines_ready(self) -> int:
        return sum(map(len, self._ready.values()))

    # ---- sending

    async def _work(self) -> None:
        try:
            # No more of them wait for the pace than there are lines to lead: what a bucket gave out is never wasted.
            while self._lines_ready() > self._pacing:
                self._pacing += 1
                await self._pace.wait()
                self._pacing -= 1
                if lines := self._next():
                    await self._call(lines)
                else:
                    self._tell()
        finally:
            # In the same breath as the look that found nothing ready: what is added after it gets a worker of its own.
            self._workers -= 1

    def _next(self) -> list[tuple[_Line, list[ClaimedMessage]]]:
        """As many messages as one call takes, prompt ones first; each with the line that it leads."""
        left = self._provider.most_per_call
        picked: list[tuple[_Line, list[ClaimedMessage]]] = []
        for lines in self._ready.values():
            while lines and left:
                line = lines.popleft()
                if time.monotonic() > line.start_by:
                    self._give_back(line)
                    continue
                heads = [line.messages.popleft() for _ in range(min(left, len(line.messages)))]
                left -= len(heads)
                picked.append((line, heads))
        return picked

    async def _call(self, lines: list[tuple[_Line, list[ClaimedMessage]]]) -> None:
        messages = [message for _, heads in lines for message in heads]
        results = iter(await self._send(messages))
        for line, heads in lines:
            mine = [next(results) for _ in heads]
            self._finished += zip(heads, mine, strict=True)
            self._open -= len(heads)
            self._mind(mine)
            if not all(isinstance(result, Accepted | Refused) for result in mine):
                self._give_back(line)
            elif line.messages:
                # At the end of the queue: a long line does not hold up the others.
                self._ready[heads[0].lane].append(line)
        self._tell()

    def _mind(self, results: Sequence[SendResult]) -> None:
        """A carrier that finds us too fast is obeyed at once, before anything is recorded."""
        throttled = [item for item in results if isinstance(item, RefusedForNow) and item.throttled]
        if throttled:
            self._pace.slow_down()
        if any(item.retry_after for item in throttled):
            self.give_back()

    async def _send(self, messages: Sequence[ClaimedMessage]) -> Sequence[SendResult]:
        try:
            async with asyncio.timeout(self._longest_call):
                results = await self._provider.send([_submission(message) for message in messages])
            if len(results) != len(messages):
                raise ValueError(f"{len(results)} results for {len(messages)} messages")  # noqa: TRY301  handled alike
        except Exception as error:
            log.exception("a provider adapter raised", provider=self._provider.name)
            return [Unknown(type(error).__name__)] * len(messages)
        return results

    def _give_back(self, line: _Line) -> None:
        self._finished += [(message, NotTried()) for message in line.messages]
        self._open -= len(line.messages)
        line.messages.clear()

    def _tell(self) -> None:
        if not self._open or len(self._finished) >= self._window:
            self._stirred.set()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self._stirred.set()


def _submission(message: ClaimedMessage) -> Submission:
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
    )
