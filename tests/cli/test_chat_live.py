"""``smsgw chat`` at a terminal: messages both ways, keys, history, colours, and reconnecting to the gateway."""

import os
import re
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path

import anyio.to_thread
import pytest

from app.settings import Settings
from tests.cli.terminals import Terminal, at_a_terminal, free_port
from tests.running import settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
CTRL_C, CTRL_D, UP, ENTER = "\x03", "\x04", "\x1b[A", "\r"
PROMPT = " >"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[1-7]")
Chat = Callable[..., AbstractContextManager[Terminal]]


@pytest.fixture
def settings(sqlite_url: str) -> Settings:
    return settings_for(sqlite_url)


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    """Return a function that runs the command at a terminal, with the user's state in the test's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMSGW_", "NO_COLOR"))}

    def run(web: Web, *arguments: str, **environment: str) -> AbstractContextManager[Terminal]:
        command = [sys.executable, "-m", "app", "chat", "--url", str(web.client.base_url), *arguments]
        return at_a_terminal(command, {**kept, "XDG_STATE_HOME": str(tmp_path), **environment}, ROOT)

    return run


async def until(terminal: Terminal, words: str) -> str:
    return await anyio.to_thread.run_sync(terminal.until, words)


async def end(terminal: Terminal, keys: str) -> int:
    return await anyio.to_thread.run_sync(terminal.end, keys)


async def test_a_dialogue_typed_and_read(settings: Settings, chat: Chat) -> None:
    async with listening(settings) as web:
        with chat(web) as terminal:
            await until(terminal, PROMPT)
            terminal.type("0000" + ENTER)
            await until(terminal, "you to 10086")
            shown = await until(terminal, "delivered")
            assert "segments" in shown
            await until(terminal, "彩铃5元/月")
            await until(terminal, "10086977\x1b[0m" + PROMPT)
            terminal.type("1" + ENTER)
            await until(terminal, "you to 10086977")
            await until(terminal, "彩铃已于03月02日退订")
            assert await end(terminal, CTRL_D) == 0
            assert "Traceback" not in terminal.rest
        assert (await web.running.states())["CL"] != "active"


async def test_a_session_in_chinese(settings: Settings, chat: Chat) -> None:
    async with listening(settings) as web:
        with chat(web, LC_ALL="zh_CN.UTF-8") as terminal:
            await until(terminal, PROMPT)
            terminal.type("/advnce 24h" + ENTER)
            await until(terminal, "您要输入的是/advance吗？")
            terminal.type("帮助" + ENTER)
            await until(terminal, "发给10086")
            await until(terminal, "已送达")
            assert await end(terminal, CTRL_D) == 0


async def test_what_comes_in_appears_by_itself(settings: Settings, chat: Chat) -> None:
    async with listening(settings) as web:
        await web.running.say("0000")
        with chat(web, "--history", "1") as terminal:
            await until(terminal, "来电提醒")
            await until(terminal, "10086977")
            await until(terminal, PROMPT)
            await web.running.store(web.running.message("帮助"))
            await until(terminal, "✓ sent")
            await until(terminal, "✓✓ delivered")
            await until(terminal, "您可发送以下指令")
            assert await end(terminal, CTRL_C) == 0
            assert "Traceback" not in terminal.rest
            assert "Aborted" not in terminal.rest


async def test_a_late_report_is_shown(settings: Settings, chat: Chat) -> None:
    async with listening(settings) as web:
        await web.running.reports("undelivered", delay_seconds=60)
        with chat(web) as terminal:
            await until(terminal, PROMPT)
            terminal.type("帮助" + ENTER)
            await until(terminal, "✓ accepted")
            terminal.type("/advance 60s" + ENTER)
            await until(terminal, "✗ undelivered")
            assert await end(terminal, "/quit" + ENTER) == 0


async def test_a_line_that_fails_is_explained_and_the_session_goes_on(settings: Settings, chat: Chat) -> None:
    async with listening(settings) as web:
        with chat(web) as terminal:
            await until(terminal, PROMPT)
            terminal.type("/advnce 24h" + ENTER)
            await until(terminal, "Did you mean /advance?")
            terminal.type("/advance 2026-01-01 10:00" + ENTER)
            await until(terminal, "The gateway refused it")
            terminal.type("/clock" + ENTER)
            await until(terminal, "2026-03-02 10:00:00 in Shanghai; it stands still.")
            assert await end(terminal, CTRL_D) == 0


async def test_lines_are_remembered_but_passwords_are_not(settings: Settings, chat: Chat, tmp_path: Path) -> None:
    history = tmp_path / "smsgw" / "chat-history"
    async with listening(settings) as web:
        with chat(web) as terminal:
            await until(terminal, PROMPT)
            terminal.type("帮助" + ENTER)
            await until(terminal, "您可发送以下指令")
            terminal.type("XGMM#123456#654321#654321" + ENTER)
            await until(terminal, "XGMM#******")
            assert await end(terminal, CTRL_D) == 0
        assert "帮助" in history.read_text("utf-8")
        assert "123456" not in history.read_text("utf-8")
        assert stat.S_IMODE(history.stat().st_mode) == 0o600
        await web.running.drain()
        before = len(await web.running.thread())
        with chat(web, "--history", "0") as terminal:
            await until(terminal, PROMPT)
            terminal.type(UP)
            await until(terminal, "帮助")
            terminal.type(ENTER)
            await until(terminal, "您可发送以下指令")
            assert await end(terminal, CTRL_D) == 0
        assert len(await web.running.thread()) == before + 2


async def test_without_a_place_for_its_history_it_works_all_the_same(
    settings: Settings, chat: Chat, tmp_path: Path
) -> None:
    (tmp_path / "smsgw").write_text("a file, where the folder would be", encoding="utf-8")
    async with listening(settings) as web:
        with chat(web) as terminal:
            await until(terminal, PROMPT)
            terminal.type("帮助" + ENTER)
            await until(terminal, "您可发送以下指令")
            assert await end(terminal, CTRL_D) == 0


async def test_no_color_turns_colours_off(settings: Settings, chat: Chat) -> None:
    async with listening(settings) as web:
        await web.running.say("帮助")
        with chat(web) as terminal:
            assert COLOUR.search(await until(terminal, "delivered"))
            assert await end(terminal, CTRL_D) == 0
        with chat(web, NO_COLOR="1") as terminal:
            shown = await until(terminal, PROMPT)
            assert "delivered" in shown
            assert not COLOUR.search(shown)
            assert await end(terminal, CTRL_D) == 0


async def test_a_gateway_that_comes_back_is_followed_again(settings: Settings, chat: Chat) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        async with listening(settings, port) as web:
            terminal = stack.enter_context(chat(web))
            await until(terminal, PROMPT)
            await web.running.store(web.running.message("帮助"))
            await until(terminal, "您可发送以下指令")
        await until(terminal, "does not answer; trying again")
        terminal.type("0000" + ENTER)
        await until(terminal, "No gateway answers")
        async with listening(settings, port) as web:
            await web.running.store(web.running.message("0000"))
            await until(terminal, "The gateway is back.")
            shown = await until(terminal, "彩铃5元/月")
            assert "您可发送以下指令" not in shown, "what was shown is not shown again"
            await web.call("POST", "/simulator/reset", {"fixture": "demo"})
            await web.running.store(web.running.message("帮助"))
            await until(terminal, "您可发送以下指令")
            assert await end(terminal, CTRL_D) == 0
