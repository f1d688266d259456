"""Progress of a run, on standard error: a progress bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_A_LINE = 30.0
"""Where there is no terminal, a stage that takes long says so often how far it is."""
_MINUTE = 60


class Display:
    """Shows the stages of a run and errors."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def stage(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show one stage while the block runs; yield a function that takes the number of answers so far."""
        started = time.monotonic()
        done = 0
        if self._console.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(label, total=total)
                yield lambda answers: bar.update(task, completed=answers)
            return

        told = started

        def note(answers: int) -> None:
            nonlocal done, told
            done = answers
            now = time.monotonic()
            if total and 0 < done < total and now - told >= SECONDS_A_LINE:
                told = now
                left = (now - started) / done * (total - done)
                self._console.print(f"  {label}: {done:,} of {total:,}, {_duration(left)} left")

        yield note
        count = f"{done:,} in " if done else ""
        self._console.print(f"  {label}: {count}{time.monotonic() - started:.1f} s")

    def heading(self, text: str) -> None:
        """Show what begins."""
        self._console.print(text, style="bold", markup=False, soft_wrap=True)

    def problem(self, message: str) -> None:
        """Show why the benchmark failed."""
        self._console.print(message, style="red", markup=False, soft_wrap=True)

    def _bar(self) -> Progress:
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )


def _duration(seconds: float) -> str:
    """Return how long something takes, roughly."""
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:,.0f} minutes"
