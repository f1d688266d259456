"""How messages look, in a terminal and in a pipe."""

import io

import pytest
from rich.console import Console

from app.cli.handset import view
from app.cli.handset.thread import DisplayItem
from tests.cli.test_thread import incoming, outgoing


def shown(text: str, status: str = "delivered", *, is_update: bool = False, **console: object) -> str:
    written = io.StringIO()
    message = incoming("a", status).model_copy(update={"text": text, "segments": len(text) // 60 + 1})
    view.show(Console(file=written, highlight=False, width=40, **console), DisplayItem(message, is_update=is_update))  # type: ignore[arg-type]
    return written.getvalue()


@pytest.mark.parametrize(
    ("status", "tick"),
    [
        ("delivered", "✓✓ delivered"),
        ("accepted", "✓ accepted"),
        ("sending", "… sending"),
        ("undelivered", "✗ undelivered"),
        ("failed", "✗ failed"),
    ],
)
def test_a_message_has_its_tick(status: str, tick: str) -> None:
    assert shown("好", status) == f"10086977  03-02 10:00 · 1 segment {tick}\n  好\n"


def test_a_message_has_its_segments() -> None:
    assert "· 3 segments ✓✓" in shown("1、彩铃5元/月；" * 15)


def test_in_a_pipe_lines_stay_whole_and_plain() -> None:
    text = "1、彩铃5元/月；" * 10 + "\n请回复序号"
    assert shown(text).splitlines()[1:] == ["  " + line for line in text.splitlines()]
    assert "\x1b" not in shown(text)


def test_in_a_terminal_there_are_colours_and_lines_are_broken() -> None:
    text = shown("1、彩铃5元/月；" * 10, force_terminal=True, color_system="standard")
    assert "\x1b[32m" in text
    assert len(text.splitlines()) > 3


def test_without_colours_a_terminal_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in shown("好", force_terminal=True, color_system="standard")


def test_a_text_cannot_command_the_terminal() -> None:
    text = shown("a\x1b[2Jb\x07c\x9bd\re")
    assert not set("\x1b\x07\x9b\r") & set(text)
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in text


def test_markup_in_a_text_is_text() -> None:
    assert "  [bold]好[/bold] [/]\n" in shown("[bold]好[/bold] [/]")


def test_what_became_of_a_message_is_one_line() -> None:
    assert shown("好", "undelivered", is_update=True) == "  ✗ undelivered 10086977 03-02 10:00\n"


def test_what_was_sent_says_to_whom() -> None:
    written = io.StringIO()
    view.show(Console(file=written), DisplayItem(outgoing("a"), is_update=False))
    assert written.getvalue().startswith("you to 10086  03-02 10:00 · 1 segment ✓ sent\n")
