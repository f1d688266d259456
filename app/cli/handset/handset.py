"""The base class of both handsets, and the handset for a pipe: send a line, print its replies."""

import asyncio
import time

from app.cli.handset import lines, words
from app.cli.handset.simulator import GatewayError, Simulator
from app.cli.handset.thread import ACCESS_NUMBER, Thread
from app.cli.handset.view import View

# For gateways without draining: the thread counts as complete after _QUIET_SECONDS without a change, and the first
# change is awaited for _FIRST_REPLY_SECONDS.
_QUIET_SECONDS = 2.0
_FIRST_REPLY_SECONDS = 10.0
_POLL_SECONDS = 0.2


class Handset:
    """A handset of the simulated network that prints its thread to a view.

    Messages after the one with the id ``after_id`` belong to this session; None: all messages do.
    """

    def __init__(self, simulator: Simulator, view: View, to: str | None) -> None:
        self.simulator = simulator
        self.view = view
        self.thread = Thread()
        self.after_id: str | None = None
        self._to = to

    async def begin(self, history: int, after: str | None) -> None:
        """Show earlier messages: all after the one with the id ``after``, or without it the last ``history`` ones."""
        found = await self.simulator.thread(after)
        for message in found if after is not None else found[max(0, len(found) - history) :]:
            self.thread.update(message, time.monotonic())
        self.show(everything=True)
        self.after_id = found[-1].id if found else after
        last = next((message.sender for message in reversed(found) if message.incoming), ACCESS_NUMBER)
        self.thread.to = last if self._to is None else self._to

    def show(self, *, everything: bool = False) -> None:
        """Print the messages that are ready; ``everything``: also those that wait for a final status."""
        for item in self.thread.ready(time.monotonic(), everything=everything):
            self.view.show(item)

    async def execute(self, line: lines.Line) -> bool:
        """Execute a line. Return False if it ends the session. Raise GatewayError if the gateway refuses or fails."""
        match line:
            case lines.Say(text):
                await self.simulator.send(self.thread.to, text)
            case lines.WriteTo(number):
                self.thread.to = number
            case lines.ShowClock():
                self.view.show_clock(await self.simulator.clock())
            case lines.Advance(by, to):
                self.view.show_clock(await self.simulator.advance(by, to))
            case lines.Reset():
                await self.simulator.reset()
                self.after_id = None
                self.thread.clear()
                self.view.show_note(words.EMPTIED)
            case lines.ShowHelp():
                self.view.show_note(words.HELP)
            case lines.Quit():
                return False
        return True


class PlainHandset(Handset):
    """Prints the replies to each line before it processes the next."""

    async def process(self, typed: str) -> bool:
        """Execute a typed line and print its replies. Return False if it ends the session.

        Raise LineError for a line that cannot be parsed, GatewayError if the gateway refuses or fails.
        """
        line = lines.parse(typed)
        if line is None:
            return True
        if not await self.execute(line):
            return False
        if isinstance(line, lines.Say | lines.Advance):
            await self._wait_until_idle()
        await self._poll()
        self.show(everything=True)
        return True

    async def _poll(self) -> list[tuple[str, str]]:
        found = await self.simulator.thread(self.after_id)
        for message in found:
            self.thread.update(message, time.monotonic())
        return [(message.id, message.status) for message in found]

    async def _wait_until_idle(self) -> None:
        idle = await self.simulator.drain()
        if idle is None:
            await self._wait_until_quiet()
        elif not idle:
            raise GatewayError(words.NOT_IDLE)

    async def _wait_until_quiet(self) -> None:
        """Poll until the thread stops changing, for gateways that do not offer draining."""
        seen = await self._poll()
        quiet_since = started = time.monotonic()
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            now = time.monotonic()
            if (found := await self._poll()) != seen:
                seen, quiet_since = found, now
            replied = quiet_since > started
            if now - quiet_since >= (_QUIET_SECONDS if replied else _FIRST_REPLY_SECONDS):
                return
