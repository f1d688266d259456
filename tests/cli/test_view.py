"""How messages look, in a terminal and in a pipe."""

import io
import re

import pytest
from rich.console import Console

from app.cli.handset import words
from app.cli.handset.simulator import Clock
from app.cli.handset.thread import DisplayItem
from app.cli.handset.view import View
from app.domain.account import Language
from app.domain.calendar import SHANGHAI
from app.domain.messages import OutboundStatus
from app.domain.texts.wording import Text
from tests.cli.test_thread import incoming, outgoing
from tests.commands.world import shanghai

FACT = re.compile(r"\{\w+\}")


def shown(
    text: str,
    status: str = "delivered",
    *,
    is_update: bool = False,
    language: Language = Language.EN,
    **console: object,
) -> str:
    written = io.StringIO()
    message = incoming("a", status).model_copy(update={"text": text, "segments": len(text) // 60 + 1})
    printed = Console(file=written, highlight=False, width=40, **console)  # type: ignore[arg-type]
    View(printed, language).show(DisplayItem(message, is_update=is_update))
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
    View(Console(file=written)).show(DisplayItem(outgoing("a"), is_update=False))
    assert written.getvalue().startswith("you to 10086  03-02 10:00 · 1 segment ✓ sent\n")


@pytest.mark.parametrize("status", [*OutboundStatus, "sent"])
def test_every_status_has_a_name_in_both_languages(status: str) -> None:
    assert f" {status}\n" in shown("好", status)
    chinese = shown("好", status, language=Language.ZH)
    assert chinese.startswith("10086977  03-02 10:00 · 1条 ")
    assert words.STATUSES[status].zh in chinese
    assert status not in chinese


def test_in_chinese_labels_are_chinese() -> None:
    written = io.StringIO()
    view = View(Console(file=written), Language.ZH)
    view.show(DisplayItem(outgoing("a"), is_update=False))
    view.show_clock(Clock(now=shanghai("2026-03-02 10:00").astimezone(SHANGHAI), frozen=True))
    view.show_note(words.EMPTIED)
    sent, _, clock, note = written.getvalue().splitlines()
    assert sent == "发给10086  03-02 10:00 · 1条 ✓ 已发出"
    assert clock == "北京时间 2026-03-02 周一 10:00:00，时钟已暂停。"
    assert note == "网关数据已清空，仅保留演示客户。"
    assert "· 3条 ✓✓ 已送达" in shown("1、彩铃5元/月；" * 15, language=Language.ZH)


def test_a_status_of_another_release_is_shown_as_it_came() -> None:
    assert "✗ parked" in shown("好", "parked", language=Language.ZH)


def test_every_word_says_the_same_facts_in_both_languages() -> None:
    texts = [text for text in vars(words).values() if isinstance(text, Text)]
    assert len(texts) > 25
    for text in (*texts, *words.WEEKDAYS, *words.STATUSES.values()):
        assert sorted(FACT.findall(text.zh)) == sorted(FACT.findall(text.en))
        assert re.search("[\u4e00-\u9fff]", text.zh)
        assert not re.search("[\u3000-\u9fff\uff00-\uffef]", text.en)
