"""``smsgw chat`` in a pipe, and its errors (http-api.md, command line)."""

import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio.to_thread
import pytest
from typer.testing import CliRunner, Result

from app.cli.smsgw import app
from app.settings import Environment, Settings, SettingsFile
from tests.cli.terminals import free_port
from tests.running import options_of, settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(sqlite_url: str) -> Settings:
    return settings_for(sqlite_url)


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    async with listening(settings) as started:
        yield started


def chat(typed: str | bytes, *arguments: str) -> Result:
    """Run the command with these lines as its standard input."""
    return CliRunner().invoke(app, ["chat", *arguments], input=typed)


async def chat_with(web: Web, typed: str | bytes, *arguments: str) -> Result:
    return await anyio.to_thread.run_sync(partial(chat, typed, "--url", str(web.client.base_url), *arguments))


# ---- in a pipe


async def test_a_dialogue_in_a_pipe(web: Web) -> None:
    done = await chat_with(web, "0000\n1\n", "13800138000")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("you to 10086  03-02 10:00 · 1 segment ✓ sent")
    assert lines[1] == "  0000"
    assert lines[2].startswith("10086977  03-02 10:00 · ")
    assert lines[2].endswith(" segments ✓✓ delivered")
    assert "1、彩铃5元/月" in lines[3]
    assert any(line.startswith("you to 10086977") for line in lines), "the answer goes to the number that wrote"
    assert "彩铃已于03月02日退订" in lines[-1]
    assert "\x1b" not in done.stdout
    assert (await web.running.states())["CL"] != "active"


async def test_another_handset_and_another_number(web: Web) -> None:
    done = await chat_with(web, "帮助\n", "+8613900139000", "--to", "+8610086")
    assert done.exit_code == 0
    assert "you to +8610086" in done.stdout
    assert (await web.running.thread("+8613900139000"))[0].text == "帮助"


async def test_commands_in_a_pipe(web: Web) -> None:
    done = await chat_with(web, "0000\n\n/advance 2h\n/clock\n/to 10086\n1\n/reset\n/help\n/quit\n0000\n")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("Mon 2026-03-02 12:00:00 in Shanghai; it stands still.") == 2
    assert "you to 10086  03-02 12:00" in done.stdout
    assert "The gateway is empty but for the demo customers." in done.stdout
    assert "/advance LENGTH" in done.stdout
    assert await web.running.thread() == [], "nothing is sent behind /quit"


async def test_what_falls_due_while_the_clock_moves_is_shown(web: Web) -> None:
    await web.running.reports("undelivered", delay_seconds=3600)
    done = await chat_with(web, "帮助\n/advance 1h\n")
    assert "✓ accepted" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("  ✗ undelivered 10086")


async def test_in_a_pipe_earlier_messages_are_shown_where_asked_for(web: Web) -> None:
    await web.running.say("0000")
    thread = await web.running.thread()
    assert (await chat_with(web, "")).stdout == ""
    assert (await chat_with(web, "", "--history", "1")).stdout.count("10086977") == 1
    assert (await chat_with(web, "", "--history", "500")).stdout.count("you to") == 1
    behind = await chat_with(web, "", "--after", thread[1].id)
    assert thread[2].text in behind.stdout
    assert thread[1].text not in behind.stdout


async def test_a_line_that_fails_ends_the_command(web: Web) -> None:
    done = await chat_with(web, "/advnce 1h\n0000\n")
    assert (done.exit_code, "Did you mean /advance?" in done.stderr) == (1, True)
    assert await web.running.thread() == []


async def test_what_the_gateway_refuses_is_said(web: Web) -> None:
    done = await chat_with(web, "/advance 2026-03-01 10:00\n")
    assert done.exit_code == 1
    assert "The gateway refused it: " in done.stderr


async def test_text_that_is_no_utf_8_is_refused_by_its_line(web: Web) -> None:
    done = await chat_with(web, "帮助\n".encode() + "彩铃\n".encode("gbk"))
    assert (done.exit_code, done.stderr) == (2, "✗ Line 2 of the input is not UTF-8.\n")


async def test_without_draining_the_command_waits_for_the_reply(unused_sqlite_url: str) -> None:
    file = SettingsFile(
        providers={"simulator": options_of(kind="simulator")},
        default_provider="simulator",
        auto_create_subscribers=True,
    )
    async with listening(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        done = await chat_with(web, "帮助\n")
        assert (done.exit_code, done.stdout.count("\n10086  ")) == (0, 1), done.output
        refused = await chat_with(web, "/clock\n")
        assert refused.exit_code == 1
        assert "exist only in demo and test" in refused.stderr


# ---- in Chinese


async def test_a_dialogue_in_chinese(web: Web) -> None:
    done = await chat_with(web, "0000\n/advance 2h\n/reset\n/help\n/quit\n", "--language", "zh")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "发给10086  03-02 10:00 · 1条 ✓ 已发出"
    assert re.fullmatch(r"10086977  03-02 10:00 · \d条 ✓✓ 已送达", lines[2])
    assert "北京时间 2026-03-02 周一 12:00:00，时钟已暂停。" in lines
    assert "/advance 时长" in done.stdout
    assert not re.search(r"\b(?:you|segments?|delivered|sent|gateway|type)\b", done.stdout, re.IGNORECASE)


CHINESE, ENGLISH = "12345不是手机号码", "12345 is no mobile number"
LOCALES = [
    ({"LC_ALL": "zh_CN.UTF-8"}, CHINESE),
    ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "en_US.UTF-8"}, CHINESE),
    ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN.UTF-8"}, CHINESE),
    ({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, ENGLISH),
    ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}, ENGLISH),
]


@pytest.mark.parametrize(("locale", "says"), LOCALES)
def test_the_locale_chooses_the_language_unless_an_option_does(
    locale: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert says in chat("", "12345").stderr
    assert CHINESE in chat("", "12345", "--language", "zh").stderr
    assert ENGLISH in chat("", "12345", "--language", "en").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["12345"], "12345不是手机号码，请写成13800138000或+8613800138000。"),
        (["--url", "127.0.0.1:8086"], "127.0.0.1:8086不是网关地址"),
        (["--after", "yesterday"], "--after后面应为短信ID"),
    ],
)
def test_wrong_use_is_explained_in_chinese(arguments: list[str], says: str) -> None:
    done = chat("", "--language", "zh", *arguments)
    assert (done.exit_code, says in done.stderr) == (2, True), done.output


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("/advnce 1h\n", "没有/advnce这个命令，您要输入的是/advance吗？"),
        ("/xyzzy\n", "没有/xyzzy这个命令，输入/help可查看全部命令。"),
        ("/to the shop\n", "/to后面应为号码"),
        ("/advance soon\n", "/advance后面应为时长(90s、30m、24h、7d)"),
        ("/quit now\n", "/quit后面不能再有内容。"),
        ("/advance 2026-03-01 10:00\n", "网关拒绝了该请求："),
        ("彩铃\n".encode("gbk"), "输入的第1行不是UTF-8编码。"),
    ],
)
async def test_a_line_that_fails_is_explained_in_chinese(web: Web, typed: str | bytes, says: str) -> None:
    done = await chat_with(web, typed, "--language", "zh")
    assert done.exit_code != 0
    assert done.stderr.startswith(f"✗ {says}")


def test_no_gateway_is_explained_in_chinese() -> None:
    port = free_port()
    done = chat("0000\n", "--url", f"http://127.0.0.1:{port}", "--language", "zh")
    assert done.stderr.startswith(f"✗ http://127.0.0.1:{port}上没有网关应答：请用`smsgw demo`")


# ---- errors


def test_a_gateway_that_does_not_run_is_explained() -> None:
    done = chat("0000\n", "--url", f"http://127.0.0.1:{free_port()}")
    assert done.exit_code == 1
    assert "No gateway answers" in done.stderr
    assert "smsgw demo" in done.stderr
    assert "Traceback" not in done.output


def test_the_port_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("SMSGW_PORT", str(port))
    assert f"http://127.0.0.1:{port}" in chat("").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["12345"], "12345 is no mobile number: write 13800138000"),
        (["01012345678"], "is no mobile number"),
        (["--url", "127.0.0.1:8086"], "is no gateway's URL"),
        (["--url", "http://127.0.0.1:x"], "is no gateway's URL"),
        (["--after", "yesterday"], "--after takes a message's id"),
        (["--history", "-1"], "--history"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_use(arguments: list[str], says: str) -> None:
    done = chat("", *arguments)
    assert (done.exit_code, says in done.stderr) == (2, True), done.output


@contextmanager
def other_server(status: int, kind: str, body: bytes) -> Iterator[str]:
    """Run a server that gives every request the same answer; yield its URL."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, "application/problem+json", b'{"status": 404, "detail": "Not Found"}'), "has no simulated handsets"),
        ((200, "text/html", b"<p>It works!</p>"), "is no SMS command gateway"),
        ((500, "text/html", b"<p>Sorry</p>"), "not in a gateway's words"),
        ((503, "application/problem+json", b'{"detail": "The database is away."}'), "The database is away."),
    ],
    ids=["no simulator", "another server", "a broken server", "a gateway in trouble"],
)
def test_an_answer_that_cannot_be_used_is_explained(answer: tuple[int, str, bytes], says: str) -> None:
    with other_server(*answer) as url:
        done = chat("0000\n", "--url", url)
    assert done.exit_code == 1
    assert says in done.stderr
    assert "Traceback" not in done.output
