"""What all commands share: the two streams, the exit statuses, and how examples stand below a command's help."""

from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

FAILED = 1  # it did not work
WRONG_USE = 2  # it was asked for wrongly

# Both look for colours by themselves: none in a pipe, none with NO_COLOR.
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_errors(message: str) -> None:
    """Say what is wrong, a line for each thing."""
    for line in message.splitlines():
        err.print(Text("✗", style="bold red"), Text(line), soft_wrap=True)


def exit_with_error(message: str, status: int = FAILED) -> NoReturn:
    """Say what is wrong and end the command."""
    print_errors(message)
    raise typer.Exit(status)


def print_done(message: str) -> None:
    """Say what was done."""
    out.print(Text("✓", style="green"), Text(message), soft_wrap=True)


def progress_bar() -> Progress:
    """A progress bar of things that are counted."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )


def examples(*lines: tuple[str, str]) -> str:
    """The end of a command's help: what to type, and what that does."""
    return "\n\n".join(["[bold]Examples[/]", *(f"[cyan]{typed}[/]  [dim]{does}[/]" for typed, does in lines)])
