"""Parser of the lines typed on the handset: a text to send, or a command that begins with a slash."""

import difflib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.cli.handset import words
from app.cli.handset.words import ChatError
from app.domain.calendar import SHANGHAI

_PARTS = re.compile(r"(\d{1,7})([smhd])")
_LENGTH = re.compile(rf"(?:{_PARTS.pattern})+")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_NUMBER = re.compile(r"\+?[0-9]{3,20}")


class LineError(ChatError):
    """A line cannot be parsed; the message says what to type."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send a text."""

    text: str


@dataclass(frozen=True, slots=True)
class WriteTo:
    """Choose the number that texts are sent to."""

    number: str


@dataclass(frozen=True, slots=True)
class Advance:
    """Move the gateway's clock by a length, or to an aware time."""

    by: timedelta | None = None
    to: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShowClock:
    """Show the gateway's time."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Empty the gateway and load the demo customers."""


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """Show what can be typed."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the session."""


Line = Say | WriteTo | Advance | ShowClock | Reset | ShowHelp | Quit
_PLAIN: dict[str, Line] = {"/clock": ShowClock(), "/reset": Reset(), "/help": ShowHelp(), "/quit": Quit()}
COMMANDS = ("/to", "/clock", "/advance", "/reset", "/help", "/quit")


def parse(line: str) -> Line | None:
    """Parse a line; None for an empty one. Raise LineError for an unknown command or a wrong argument."""
    text = line.strip()
    if not text:
        return None
    if not text.startswith("/"):
        return Say(text)
    if text.startswith("//"):
        return Say(text[1:])
    name, _, argument = text.partition(" ")
    argument = argument.strip()
    match name.lower():
        case "/to":
            return _write_to(argument)
        case "/advance":
            return _advance(argument)
        case known if known in _PLAIN:
            if argument:
                raise LineError(words.NOTHING_BEHIND, command=known)
            return _PLAIN[known]
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1)
    if near:
        raise LineError(words.NO_COMMAND_BUT, name=name, near=near[0])
    raise LineError(words.NO_COMMAND, name=name)


def _write_to(number: str) -> WriteTo:
    if not _NUMBER.fullmatch(number):
        raise LineError(words.NO_NUMBER)
    return WriteTo(number)


def _advance(given: str) -> Advance:
    if _LENGTH.fullmatch(given.replace(" ", "")):
        parts = {_UNITS[unit]: int(count) for count, unit in _PARTS.findall(given.replace(" ", ""))}
        return Advance(by=timedelta(**parts))
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise LineError(words.NO_TIME) from None
    return Advance(to=moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI))
