"""Output of all commands: the two consoles, exit statuses, messages, progress bar, examples in the help."""

from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

FAILED = 1
WRONG_USE = 2

# Rich omits colours in a pipe and with NO_COLOR.
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_errors(message: str) -> None:
    """Print each line of the message as an error."""
    for line in message.splitlines():
        err.print(Text("✗", style="bold red"), Text(line), soft_wrap=True)


def exit_with_error(message: str, status: int = FAILED) -> NoReturn:
    """Print the message as errors and end the command with an exit status."""
    print_errors(message)
    raise typer.Exit(status)


def print_done(message: str) -> None:
    """Print a message of success."""
    out.print(Text("✓", style="green"), Text(message), soft_wrap=True)


def print_note(message: str) -> None:
    """Print a message for people, beside what a command prints for programs."""
    err.print(Text(message), soft_wrap=True)


def progress_bar() -> Progress:
    """Return a progress bar that shows a count and the time remaining."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )


def examples(*lines: tuple[str, str]) -> str:
    """Return the examples at the end of a command's help, from pairs of a command line and its effect."""
    return "\n\n".join(["[bold]Examples[/]", *(f"[cyan]{typed}[/]  [dim]{does}[/]" for typed, does in lines)])
