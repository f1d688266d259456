"""Printing of messages, to a terminal or as plain lines to a pipe."""

import unicodedata
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.cli.handset import words
from app.cli.handset.simulator import Clock, Message
from app.cli.handset.thread import DisplayItem
from app.domain.account import Language
from app.domain.messages import OutboundStatus
from app.domain.texts.wording import Text as Words

_DELIVERED = (OutboundStatus.DELIVERED,)
_IN_PROGRESS = (OutboundStatus.QUEUED, OutboundStatus.SENDING, OutboundStatus.UNKNOWN)
_TAKEN = (OutboundStatus.ACCEPTED, words.SENT)
_INDENT = 2


@dataclass(frozen=True, slots=True)
class View:
    """Prints to a console, in a language."""

    console: Console
    language: Language = Language.EN

    def show(self, item: DisplayItem) -> None:
        """Print a message, or its new status."""
        message = item.message
        if item.is_update:
            line = Text("  ").append_text(self._tick(message.status))
            self.console.print(line.append(f" {self._who(message)} {_when(message)}", "dim"), soft_wrap=True)
            return
        head = Text.assemble(
            (self._who(message), "bold cyan" if message.incoming else "bold"),
            (f"  {_when(message)} · {words.segments(self.language, message.segments)} ", "dim"),
            self._tick(message.status),
        )
        self.console.print(head, soft_wrap=True)
        body = Text(_without_control_characters(message.text))
        if self.console.is_terminal:
            self.console.print(Padding(body, (0, 0, 0, _INDENT)))
        else:
            indented = (Text(" " * _INDENT) + line for line in body.split("\n"))
            self.console.print(Text("\n").join(indented), soft_wrap=True)

    def show_clock(self, clock: Clock) -> None:
        """Print the gateway's time."""
        how = words.STANDS_STILL if clock.frozen else words.RUNS
        line = words.CLOCK.say(
            self.language,
            day=f"{clock.now:%Y-%m-%d}",
            weekday=words.WEEKDAYS[clock.now.weekday()].say(self.language),
            time=f"{clock.now:%H:%M:%S}",
            how=how.say(self.language),
        )
        self._print_note(line)

    def show_note(self, note: Words) -> None:
        """Print a note of the program itself."""
        self._print_note(note.say(self.language))

    def _print_note(self, note: str) -> None:
        self.console.print(Text(note, "dim"), soft_wrap=True)

    def _who(self, message: Message) -> str:
        return message.sender if message.incoming else words.YOU_TO.say(self.language, number=message.to)

    def _tick(self, status: str) -> Text:
        name = words.status(self.language, status)
        if status in _DELIVERED:
            return Text(f"✓✓ {name}", "green")
        if status in _TAKEN:
            return Text(f"✓ {name}", "dim")
        if status in _IN_PROGRESS:
            return Text(f"… {name}", "yellow")
        return Text(f"✗ {name}", "red")


def _when(message: Message) -> str:
    return f"{message.at:%m-%d %H:%M}"


def _without_control_characters(text: str) -> str:
    """Return the text without control characters, by which a sender could control the terminal."""
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs") else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
