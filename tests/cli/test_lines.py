"""Parsing of the lines typed on the handset."""

from datetime import datetime, timedelta

import pytest

from app.cli.handset import lines, words
from app.domain.account import Language
from app.domain.calendar import SHANGHAI


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("0000\n", lines.Say("0000")),
        ("  退订 彩铃 ", lines.Say("退订 彩铃")),
        ("//quit", lines.Say("/quit")),
        ("", None),
        ("   \n", None),
        ("/to 10086977", lines.WriteTo("10086977")),
        ("/TO +8610086", lines.WriteTo("+8610086")),
        ("/clock", lines.ShowClock()),
        ("/advance 90s", lines.Advance(by=timedelta(seconds=90))),
        ("/advance 24h", lines.Advance(by=timedelta(days=1))),
        ("/advance 1d12h", lines.Advance(by=timedelta(hours=36))),
        ("/advance 1d 12h", lines.Advance(by=timedelta(hours=36))),
        ("/advance 2026-03-31 23:59", lines.Advance(to=datetime(2026, 3, 31, 23, 59, tzinfo=SHANGHAI))),
        ("/advance 2026-03-31T23:59:00+09:00", lines.Advance(to=datetime.fromisoformat("2026-03-31T23:59:00+09:00"))),
        ("/reset", lines.Reset()),
        ("/help", lines.ShowHelp()),
        ("/quit", lines.Quit()),
    ],
)
def test_a_line_means(typed: str, expected: lines.Line | None) -> None:
    assert lines.parse(typed) == expected


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("/advnce 24h", "Did you mean /advance?"),
        ("/xyzzy", "There is no /xyzzy. /help"),
        ("/to", "/to takes a number"),
        ("/to the shop", "/to takes a number"),
        ("/advance", "/advance takes a length"),
        ("/advance soon", "/advance takes a length"),
        ("/advance 24", "/advance takes a length"),
        ("/quit now", "/quit takes nothing"),
    ],
)
def test_a_line_that_means_nothing_is_explained(typed: str, says: str) -> None:
    with pytest.raises(lines.LineError) as error:
        lines.parse(typed)
    assert says in str(error.value)


@pytest.mark.parametrize("language", Language)
def test_the_help_names_every_command(language: Language) -> None:
    shown = words.HELP.say(language)
    assert [name for name in lines.COMMANDS if f"\n{name} " not in f"\n{shown}"] == []
