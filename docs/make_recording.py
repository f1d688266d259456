# ruff: noqa: INP001  a script beside what it writes, not part of a package
"""Generates docs/images/conversation*.svg: animated recordings of a demo customer who sends 0000 and then 1,3.

Run it from the project's folder: ``python -m docs.make_recording``; ``--check`` fails if the images are not up to date.
Every text comes from a running gateway, whose clock stands still so that each run gives the same dates.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from app.db import migrations
from app.db.session import Database, normalise_url
from app.domain.account import Language
from tests.running import ALICE, START, running, settings_for

IMAGES = Path(__file__).with_name("images")
SENT = ("0000", "1,3")
CUSTOMERS = {Language.ZH: ALICE, Language.EN: "+8615800158000"}

# ---- how it looks: pixels, and seconds

WIDTH, BAR, COMPOSER = 480, 44, 52
MARGIN, BUBBLE_PADDING, BUBBLE_WIDTH = 14, 11, 404
FONT_SIZE, LINE, LABEL_LINE, GAP = 15, 21, 18, 9
POSTER, KEY, SENDING, ANSWERING, READING, RESTING = 2.0, 0.35, 0.5, 0.9, 4.5, 4.0
FADE = 0.15
REPEATS = 3
FONTS = (
    '-apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans", sans-serif'
)
STYLE = f"""
text {{ font: {FONT_SIZE}px {FONTS}; fill: #1f2328 }}
.small {{ font-size: 12px; fill: #59636e }}
.title {{ font-weight: 600 }}
.phone {{ fill: #f6f8fa; stroke: #d1d9e0 }}
.line {{ stroke: #d1d9e0 }}
.field, .received rect {{ fill: #ffffff; stroke: #d1d9e0 }}
.sent rect {{ fill: #0969da }}
.sent text {{ fill: #ffffff }}
.typed {{ opacity: 0 }}
@media (prefers-color-scheme: dark) {{
  text {{ fill: #f0f6fc }}
  .small {{ fill: #9198a1 }}
  .phone {{ fill: #151b23; stroke: #3d444d }}
  .line {{ stroke: #3d444d }}
  .field, .received rect {{ fill: #212830; stroke: #3d444d }}
  .sent rect {{ fill: #1f6feb }}
}}
"""


@dataclass(frozen=True)
class Message:
    """A message of the conversation: sent to a number, or received from one."""

    sent: bool
    number: str
    text: str


@dataclass
class Film:
    """Groups of elements, and the seconds at which each appears and disappears."""

    elements: list[str] = field(default_factory=list)
    shown: list[tuple[float, float | None]] = field(default_factory=list)

    def add(self, svg: str, appears: float, disappears: float | None = None, *, of_class: str) -> None:
        """Add a group. One that never disappears is visible at the beginning as well, as in a poster of the film."""
        self.elements.append(f'<g class="{of_class} s{len(self.shown)}">{svg}</g>')
        self.shown.append((appears, disappears))

    def rules(self, length: float) -> Iterator[str]:
        """Yield the style rules of all groups. Where animations are off, none of these applies."""

        def step(second: float, opacity: int) -> str:
            return f"{second / length:.2%} {{ opacity: {opacity} }}"

        yield "@media (prefers-reduced-motion: no-preference) {"
        for number, (appears, disappears) in enumerate(self.shown):
            steps = [step(appears, 0), step(appears + FADE, 1)]
            if disappears is None:
                steps = [step(0, 1), step(POSTER - FADE, 1), step(POSTER, 0), *steps, step(length, 1)]
            else:
                steps = [step(0, 0), *steps, step(disappears, 1), step(disappears + FADE / 3, 0), step(length, 0)]
            yield f"  @keyframes s{number} {{ {' '.join(steps)} }}"
            yield f"  .s{number} {{ animation: s{number} {length:.1f}s linear {REPEATS} }}"
        yield "}"


async def conversation(language: Language) -> list[Message]:
    """Return what a demo customer of this language sends and receives."""
    msisdn = CUSTOMERS[language]
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(f"sqlite:///{folder}/gateway.db")
        database = Database(normalise_url(settings.database_url))
        database.write_now(migrations.upgrade)
        database.close()
        async with running(settings) as gateway:
            await gateway.gateway.simulator.simulation.set_clock(START)
            await gateway.gateway.simulator.fixtures.load("demo")
            to = "10086"
            for text in SENT:
                await gateway.say(text, to, sender=msisdn)
                to = (await gateway.received(msisdn))[-1].service_number
            return [
                Message(message.direction == "mo", message.service_number, message.text)
                for message in await gateway.thread(msisdn)
            ]


# ---- from texts to lines

_CLOSING = "、，。；：！？）”’"  # noqa: RUF001  Chinese punctuation is meant


def _width(text: str) -> float:
    """Return about how wide a text is, in units of the font's size; rather too much than too little."""
    return sum(_width_of(character) for character in text)


def _width_of(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WFA":
        return 1
    if character in " .,:;'!|()ilIjtfr1":
        return 0.36
    return 0.76 if character.isupper() or character in "mw%@" else 0.585


def _lines(text: str, room: float) -> list[str]:
    """Break a text into lines: between words or Chinese characters, and never in front of closing punctuation."""
    pieces = re.findall(rf"(?:[!-~]+|.)[{_CLOSING}]* ?", text)
    lines = [""]
    for piece in pieces:
        if lines[-1] and _width((lines[-1] + piece).rstrip()) * FONT_SIZE > room:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


# ---- from lines to a picture


def _text(x: float, y: float, text: str, *, of_class: str = "", anchor: str = "start") -> str:
    cls = f' class="{of_class}"' if of_class else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{cls}>{escape(text)}</text>'


def _label(message: Message, top: float) -> str:
    """Return the number above a message."""
    if message.sent:
        return _text(WIDTH - MARGIN - 2, top + 13, f"→ {message.number}", of_class="small", anchor="end")
    return _text(MARGIN + 2, top + 13, message.number, of_class="small")


def _bubble(message: Message, top: float) -> tuple[str, float]:
    """Return the drawing of a message's text, and its height."""
    lines = _lines(message.text, BUBBLE_WIDTH - 2 * BUBBLE_PADDING)
    width = BUBBLE_WIDTH if len(lines) > 1 else _width(lines[0]) * FONT_SIZE + 2 * BUBBLE_PADDING
    height = len(lines) * LINE + 2 * BUBBLE_PADDING - 5
    left = WIDTH - MARGIN - width if message.sent else MARGIN
    first = top + BUBBLE_PADDING + 13
    texts = "".join(_text(left + BUBBLE_PADDING, first + LINE * row, line) for row, line in enumerate(lines))
    box = f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="12"/>'
    return f'<g class="{"sent" if message.sent else "received"}">{box}{texts}</g>', height


def drawing(messages: Sequence[Message]) -> str:
    """Return the recording as an SVG."""
    film, now, bottom = Film(), POSTER + ANSWERING, float(BAR + GAP)
    typed: list[tuple[str, float, float]] = []
    for before, message in zip([None, *messages], messages, strict=False):
        if message.sent:
            now += READING if before else 0
            for end in range(1, len(message.text) + 1):
                last = end == len(message.text)
                typed.append((message.text[:end], now, now + (SENDING if last else KEY)))
                now = typed[-1][2]
        else:
            now += ANSWERING
        label = ""
        if before is None or (before.sent, before.number) != (message.sent, message.number):
            label, bottom = _label(message, bottom), bottom + LABEL_LINE
        bubble, height = _bubble(message, bottom)
        film.add(label + bubble, now, of_class="message")
        bottom += height + GAP
    for text, appears, disappears in typed:
        film.add(_text(MARGIN + 14, bottom + 31, text), appears, disappears, of_class="typed")
    return _document(film, bottom, now + RESTING, messages)


def _document(film: Film, composer: float, length: float, messages: Sequence[Message]) -> str:
    height = composer + COMPOSER
    spoken = "\n".join(f"{'>' if message.sent else '<'} {message.number} {message.text}" for message in messages)
    rules = "\n".join(film.rules(length))
    elements = "\n".join(film.elements)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="title desc">
<title id="title">A customer sends 0000 to 10086, and then 1,3</title>
<desc id="desc">{escape(spoken)}</desc>
<style>{STYLE}{rules}
</style>
<rect class="phone" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="16"/>
{_text(WIDTH / 2, 28, "10086", of_class="title", anchor="middle")}
<line class="line" x1="0.5" x2="{WIDTH - 0.5:g}" y1="{BAR}" y2="{BAR}"/>
<rect class="field" x="{MARGIN}" y="{composer + 8:g}" width="{WIDTH - 2 * MARGIN}" height="34" rx="17"/>
{elements}
</svg>
"""


def _files() -> dict[Path, str]:
    """Return the images' contents by path."""
    return {
        IMAGES / name: drawing(asyncio.run(conversation(language)))
        for name, language in (("conversation.svg", Language.EN), ("conversation.zh.svg", Language.ZH))
    }


def main() -> int:
    """Write or check the images; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the images are not up to date")
    checking = parser.parse_args().check
    drawn = _files()
    if not checking:
        for path, svg in drawn.items():
            path.write_text(svg, encoding="utf-8")
        return 0
    stale = [path.name for path, svg in drawn.items() if not path.exists() or path.read_text(encoding="utf-8") != svg]
    if stale:
        sys.stderr.write(f"{', '.join(stale)} not up to date: run `python -m docs.make_recording`\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
