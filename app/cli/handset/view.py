"""Printing of messages, to a terminal or as plain lines to a pipe."""

import unicodedata

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.cli.handset.simulator import Clock, Message
from app.cli.handset.thread import DisplayItem
from app.domain.messages import OutboundStatus

_DELIVERED = (OutboundStatus.DELIVERED,)
_IN_PROGRESS = (OutboundStatus.QUEUED, OutboundStatus.SENDING, OutboundStatus.UNKNOWN)
_TAKEN = (OutboundStatus.ACCEPTED, "sent")
_INDENT = 2


def show(console: Console, item: DisplayItem) -> None:
    """Print a message, or its new status."""
    if item.is_update:
        line = Text("  ").append_text(_tick(item.message.status))
        console.print(line.append(f" {_who(item.message)} {_when(item.message)}", "dim"), soft_wrap=True)
        return
    message = item.message
    count = f"{message.segments} segment{'' if message.segments == 1 else 's'}"
    head = Text.assemble(
        (_who(message), "bold cyan" if message.incoming else "bold"),
        (f"  {_when(message)} · {count} ", "dim"),
        _tick(message.status),
    )
    console.print(head, soft_wrap=True)
    body = Text(_without_control_characters(message.text))
    if console.is_terminal:
        console.print(Padding(body, (0, 0, 0, _INDENT)))
    else:
        console.print(Text("\n").join(Text(" " * _INDENT) + line for line in body.split("\n")), soft_wrap=True)


def show_clock(console: Console, clock: Clock) -> None:
    """Print the gateway's time."""
    how = "it stands still" if clock.frozen else "it runs"
    console.print(Text(f"{clock.now:%a %Y-%m-%d %H:%M:%S} in Shanghai; {how}.", "dim"), soft_wrap=True)


def show_note(console: Console, words: str) -> None:
    """Print a note of the program itself."""
    console.print(Text(words, "dim"), soft_wrap=True)


def _who(message: Message) -> str:
    return message.sender if message.incoming else f"you to {message.to}"


def _when(message: Message) -> str:
    return f"{message.at:%m-%d %H:%M}"


def _tick(status: str) -> Text:
    if status in _DELIVERED:
        return Text(f"✓✓ {status}", "green")
    if status in _TAKEN:
        return Text(f"✓ {status}", "dim")
    if status in _IN_PROGRESS:
        return Text(f"… {status}", "yellow")
    return Text(f"✗ {status}", "red")


def _without_control_characters(text: str) -> str:
    """Return the text without control characters, by which a sender could control the terminal."""
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs") else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
