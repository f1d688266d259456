"""``smsgw chat``: a handset in the terminal, against a running gateway (http-api.md, command line)."""

import asyncio
import sys
from typing import Annotated

import typer
from platformdirs import user_state_path

from app.cli.address import gateway_url
from app.cli.handset import words
from app.cli.handset.handset import PlainHandset
from app.cli.handset.simulator import Simulator
from app.cli.handset.thread import ACCESS_NUMBER
from app.cli.handset.view import View
from app.cli.terminal import WRONG_USE, examples, exit_with_error, out
from app.domain.account import Language
from app.domain.ids import is_id
from app.domain.msisdn import parse_msisdn

app = typer.Typer()
_DEMO_CUSTOMER = "13800138000"
_HISTORY = 10

Msisdn = Annotated[str, typer.Argument(help="The handset's number.", metavar="MSISDN")]
Url = Annotated[str | None, typer.Option(help="The gateway; default http://127.0.0.1 and SMSGW_PORT or 8086.")]
To = Annotated[str | None, typer.Option(help="Whom to write to first; default: who wrote last, in a pipe 10086.")]
History = Annotated[
    int | None, typer.Option(min=0, help=f"How many earlier messages to show; default {_HISTORY}, in a pipe 0.")
]
Shown = Annotated[
    Language | None,
    typer.Option(
        "--language", help="The language of what the command itself says; default: Chinese in a Chinese locale (zh_CN)."
    ),
]
After = Annotated[str | None, typer.Option(help="Show all messages behind the one with this id.", metavar="ID")]


@app.command(
    epilog=examples(
        ("smsgw chat", f"the handset of the demo customer {_DEMO_CUSTOMER}"),
        ("smsgw chat 13900139000 --history 50", "another one, with what was said before"),
        ("smsgw chat --language zh", "labels, help and errors in Chinese"),
        (r"printf '0000\n1\n' | smsgw chat 13800138000", "from a script: each line is sent, its replies are printed"),
    )
)
def chat(
    msisdn: Msisdn = _DEMO_CUSTOMER,
    url: Url = None,
    to: To = None,
    history: History = None,
    after: After = None,
    language: Shown = None,
) -> None:
    """Be a handset in this terminal, beside a running gateway.

    Type a text and press Enter; what comes back appears by itself.

    In a pipe each line is sent, and what comes back is printed before the next.

    A line with a slash is a command: /to, /clock, /advance, /reset, /help, /quit.
    """
    view = View(out, language or words.language_of_locale())
    number = parse_msisdn(msisdn)
    if number is None:
        exit_with_error(words.NO_MOBILE_NUMBER.say(view.language, given=msisdn), WRONG_USE)
    if after is not None and not is_id(after):
        exit_with_error(words.NO_ID.say(view.language), WRONG_USE)
    simulator = Simulator(gateway_url(url, view.language), number)
    at_a_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        if at_a_terminal:
            live = _live(simulator, view, to, _HISTORY if history is None else history, after)
            asyncio.run(live)
        else:
            _in_a_pipe(simulator, view, to or ACCESS_NUMBER, history or 0, after)
    except words.ChatError as error:
        exit_with_error(error.say(view.language))
    except KeyboardInterrupt:
        raise typer.Exit(0 if at_a_terminal else 1) from None


async def _live(simulator: Simulator, view: View, to: str | None, history: int, after: str | None) -> None:
    from app.cli.handset.live import LiveHandset  # noqa: PLC0415  14 MB of prompt-toolkit that `serve` need not carry

    handset = LiveHandset(simulator, view, to, user_state_path("smsgw", appauthor=False) / "chat-history")
    try:
        await handset.begin(history, after)
        await handset.run()
    finally:
        await simulator.close()


def _in_a_pipe(simulator: Simulator, view: View, to: str, history: int, after: str | None) -> None:
    """Send each line of standard input. Lines are read outside of the event loop, so that Ctrl-C ends at once."""
    handset = PlainHandset(simulator, view, to)
    with asyncio.Runner() as runner:
        try:
            runner.run(handset.begin(history, after))
            for number, raw in enumerate(sys.stdin.buffer, 1):
                try:
                    typed = raw.decode("utf-8")
                except UnicodeDecodeError:
                    exit_with_error(words.NO_UTF8.say(view.language, number=str(number)), WRONG_USE)
                if not runner.run(handset.process(typed)):
                    break
        finally:
            runner.run(simulator.close())
