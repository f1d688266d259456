"""Runs the gateway with measuring wrappers in its process.

`python -m bench.inside.launcher stages FILE serve --port N` times the stages; `handset` instead of `stages` notes when
messages arrive on the simulated handsets. At SIGUSR1 the file gets what was found since the signal before.
"""

import gc
import inspect
import json
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.inside.stages import COMMIT, GARBAGE, HANDSET, STAGES, STATEMENTS
from bench.inside.stopwatch import Stopwatch


def owner_of(dotted: str) -> tuple[Any, str]:
    """Return the module or class that has a function, and its name there. Raise LookupError if nothing has."""
    parts = dotted.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:-1]:
            owner = getattr(owner, name, None)
        if callable(getattr(owner, parts[-1], None)):
            return owner, parts[-1]
        break
    raise LookupError(f"bench/inside/stages.py: there is no {dotted}")


def replace(dotted: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put `make(function)` in place of a function or method, also where a module has imported it by name."""
    owner, name = owner_of(dotted)
    function = getattr(owner, name)
    changed = make(function)
    setattr(owner, name, changed)
    if inspect.ismodule(owner):
        for module in list(sys.modules.values()):
            for key, found in list(vars(module).items()):
                if found is function:
                    setattr(module, key, changed)


# ---- stages


def time_stages() -> Callable[[], object]:
    """Time all stages; return what gives the nanoseconds of each since the call before, with the total."""
    watch = Stopwatch()
    for stage, functions in STAGES.items():
        for dotted in functions:
            replace(dotted, partial(watch.timed, stage))
    _time_sqlite(watch)
    _time_postgresql(watch)
    _time_garbage_collection(watch)
    before: dict[str, int] = {}

    def found() -> dict[str, int]:
        now = {**watch.totals(), "total": time.process_time_ns()}
        since = {name: spent - before.get(name, 0) for name, spent in now.items()}
        before.update(now)
        return since

    return found


def _time_sqlite(watch: Stopwatch) -> None:
    """Give every new connection cursors that are timed; the driver's own classes cannot be changed."""

    class TimedCursor(sqlite3.Cursor):
        execute = watch.timed(STATEMENTS, sqlite3.Cursor.execute)
        executemany = watch.timed(STATEMENTS, sqlite3.Cursor.executemany)
        fetchall = watch.timed(STATEMENTS, sqlite3.Cursor.fetchall)
        fetchone = watch.timed(STATEMENTS, sqlite3.Cursor.fetchone)
        fetchmany = watch.timed(STATEMENTS, sqlite3.Cursor.fetchmany)

    class TimedConnection(sqlite3.Connection):
        commit = watch.timed(COMMIT, sqlite3.Connection.commit)

        def cursor(self, factory: Any = TimedCursor) -> Any:  # noqa: ANN401  as the driver declares it
            return super().cursor(factory)

        # The driver's own shortcuts do not call the methods of the cursor's class.
        def execute(self, *given: Any) -> Any:  # noqa: ANN401  as the driver declares it
            return self.cursor().execute(*given)

        def executemany(self, *given: Any) -> Any:  # noqa: ANN401  as the driver declares it
            return self.cursor().executemany(*given)

    connect = sqlite3.connect

    def connect_timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401  passed on
        return connect(*given, **{"factory": TimedConnection, **named})

    for module in ("sqlite3", "sqlite3.dbapi2"):
        vars(import_module(module))["connect"] = connect_timed


def _time_postgresql(watch: Stopwatch) -> None:
    for dotted, stage in (
        ("psycopg.Cursor.execute", STATEMENTS),
        ("psycopg.Cursor.executemany", STATEMENTS),
        ("psycopg.Cursor.fetchall", STATEMENTS),
        ("psycopg.Connection.commit", COMMIT),
    ):
        replace(dotted, partial(watch.timed, stage))


def _time_garbage_collection(watch: Stopwatch) -> None:
    began: list[int] = []

    def note(phase: str, _info: object) -> None:
        if phase == "start":
            began.append(watch.enter())
        else:
            watch.leave(GARBAGE, began.pop())

    gc.callbacks.append(note)


# ---- arrivals


def note_arrivals() -> Callable[[], object]:
    """Note messages as they arrive; return what gives the new ones: the monotonic time and the number of each."""
    arrived: list[tuple[float, str]] = []

    def noting(note: Callable[..., None]) -> Callable[..., None]:
        def noted(delivery: object, sent: Any) -> None:  # noqa: ANN401  passed through
            now = time.monotonic()
            arrived.extend((now, message.msisdn) for message, _ in sent.attempted)
            note(delivery, sent)

        return noted

    replace(HANDSET, noting)

    def found() -> list[tuple[float, str]]:
        new = arrived[:]
        del arrived[: len(new)]
        return new

    return found


# ---- the process


def main() -> None:
    """Wrap what the first argument says, then run the gateway's command line with the arguments after the second."""
    kind, file = sys.argv[1], Path(sys.argv[2])
    found = {"stages": time_stages, "handset": note_arrivals}[kind]()

    def write(_number: int, _frame: object) -> None:
        part = file.with_suffix(".part")
        part.write_text(json.dumps(found()))
        part.replace(file)

    signal.signal(signal.SIGUSR1, write)
    run = import_module("app.cli").main
    sys.argv = ["smsgw", *sys.argv[3:]]
    run()


if __name__ == "__main__":
    main()
