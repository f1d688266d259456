"""The interactive handset: messages appear above the input line as they arrive."""

import asyncio
import random
import time
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from app.cli.handset import lines, words
from app.cli.handset.handset import Handset
from app.cli.handset.simulator import Simulator, UnreachableError
from app.cli.handset.view import View
from app.cli.terminal import print_errors
from app.domain.masking import mask
from app.domain.segments import measure

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0


class _History(FileHistory):
    """History of typed lines, in a file that only its user can read. Lines with passwords are not stored."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        super().__init__(str(file))

    def store_string(self, string: str) -> None:
        if mask(string) is None:
            super().store_string(string)


def _history(file: Path) -> History:
    """Return a history in the file, or in memory if the file cannot be written, as in a container."""
    try:
        return _History(file)
    except OSError:
        return InMemoryHistory()


class LiveHandset(Handset):
    """Reads lines and prints the thread at the same time."""

    def __init__(self, simulator: Simulator, view: View, to: str | None, history: Path) -> None:
        super().__init__(simulator, view, to)
        self._new_messages = asyncio.Event()
        self._session: PromptSession[str] = PromptSession(
            self._prompt,
            history=_history(history),
            completer=WordCompleter(list(lines.COMMANDS), sentence=True),
            bottom_toolbar=self._toolbar,
            # The text that was typed appears in the thread as a message.
            erase_when_done=True,
            reserve_space_for_menu=4,
        )

    async def run(self) -> None:
        """Run until the user ends the session. Raise GatewayError if the gateway refuses the stream of messages."""
        with patch_stdout(raw=True):
            tasks = [
                asyncio.create_task(part()) for part in (self._read_lines, self._follow_stream, self._show_new_messages)
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            for task in done:
                task.result()
            self.show(everything=True)

    # ---- input

    async def _read_lines(self) -> None:
        with suppress(EOFError, KeyboardInterrupt):
            while True:
                try:
                    line = lines.parse(await self._session.prompt_async())
                    if line is not None and not await self.execute(line):
                        return
                except words.ChatError as error:
                    print_errors(error.say(self.view.language))

    def _prompt(self) -> FormattedText:
        return FormattedText([("bold ansicyan", self.thread.to), ("", " > ")])

    def _toolbar(self) -> str:
        typed = self._session.default_buffer.text.strip()
        if not typed or typed.startswith("/"):
            return words.KEYS.say(self.view.language)
        count = words.segments(self.view.language, measure(typed).segments)
        return words.TYPED.say(self.view.language, length=str(len(typed)), segments=count)

    # ---- messages of the thread

    async def _follow_stream(self) -> None:
        """Read messages from the gateway's stream; reconnect, with growing pauses and jitter, when it ends."""
        first = await self.simulator.first_id()
        pause, lost = _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                if lost:
                    if (now_first := await self.simulator.first_id()) != first:
                        first, self.after_id = now_first, None
                    self.view.show_note(words.BACK)
                    pause, lost = _FIRST_PAUSE_SECONDS, False
                async for message in self.simulator.events(self.after_id):
                    self.thread.update(message, time.monotonic())
                    self._new_messages.set()
            except UnreachableError:
                if not lost:
                    self.view.show_note(words.AWAY)
                lost = True
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  jitter, no secret
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _show_new_messages(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.thread.wait_seconds(time.monotonic())):
                    await self._new_messages.wait()
            self._new_messages.clear()
            self.show()
            self._session.app.invalidate()
