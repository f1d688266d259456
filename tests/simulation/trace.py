"""What happened in a simulated life, line by line, and which errors its gateways logged."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from typing_extensions import override

from app.db.changes import Watched
from tests.simulation.loop import Job, SimulatedLoop

_MOST_LINES = 60


class Trace:
    """The steps that can be seen from outside, and how many there were of each kind."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()

    def note(self, who: str, what: str, about: str = "", *, count: str | None = None) -> None:
        """Note a step; ``count``: as one of this kind, too."""
        if count is not None:
            self.counts[count] += 1
        self.lines.append(f"{self._loop.time():9.3f} {who:<9} {what} {about}".rstrip())

    @property
    def digest(self) -> str:
        """A hash of all lines: equal if two lives were."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]

    def tail(self, most: int | None = _MOST_LINES) -> str:
        """Return the last lines; ``most`` None: all."""
        left_out = 0 if most is None else max(0, len(self.lines) - most)
        head = [f"… {left_out} lines before; --trace shows them"] if left_out else []
        return "\n".join([*head, *self.lines[left_out:]])


class Log(logging.Handler):
    """Keeps the lines of level error, while it is entered."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("app."):
            self.errors.append(str(record.msg))

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._before, root.handlers = root.handlers, [self]
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().handlers = self._before


def name_of(job: Job) -> str:
    """Return what a job of the database does, such as ``Claims.record_and_claim + Turns.handle_waiting``."""
    last = job.given[-1] if job.given else job.work
    pieces = last if isinstance(last, list) else [last]
    return " + ".join(_name_of(one) for one in pieces)


def _name_of(work: Callable[..., Any]) -> str:
    if isinstance(work, Watched):
        return _name_of(work._work)
    if isinstance(work, partial):
        return _name_of(work.func)
    name: str = getattr(work, "__qualname__", type(work).__name__)
    return name.removesuffix(".<lambda>").replace(".<locals>", "")
