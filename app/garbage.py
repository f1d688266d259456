"""Garbage collection at quiet moments: a pass stops the whole process, and turns make next to no cycles (ADR 19)."""

import gc
import time
from threading import Thread
from typing import NoReturn

_LOOK_SECONDS = 1.0
# Processor time of the process in a second, below which it is idle.
_IDLE_SECONDS = 0.1
# Processor time since the last pass, below which there is nothing worth a pass.
_WORTH_SECONDS = 1.0
_LONGEST_SECONDS = 60.0


def collect_when_idle(*, at_once: bool = True) -> None:
    """Exempt all present objects from collection, and from now on collect in a thread: when idle, or once a minute.

    ``at_once``: look for garbage among them before that, which takes a tenth of a second.
    """
    if at_once:
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    gc.disable()
    Thread(target=_collect, name="garbage", daemon=True).start()


def is_time(*, used: float, used_since: float, elapsed_since: float) -> bool:
    """Return True if a pass is due.

    Args:
        used: processor seconds of the process in the last second.
        used_since: processor seconds since the last pass.
        elapsed_since: seconds since the last pass.
    """
    return used_since >= _WORTH_SECONDS and (used < _IDLE_SECONDS or elapsed_since >= _LONGEST_SECONDS)


def _collect() -> NoReturn:
    last_at, last_used = time.monotonic(), time.process_time()
    seen = last_used
    while True:
        time.sleep(_LOOK_SECONDS)
        now, used = time.monotonic(), time.process_time()
        if is_time(used=used - seen, used_since=used - last_used, elapsed_since=now - last_at):
            gc.collect()
            last_at, last_used = time.monotonic(), time.process_time()
        seen = time.process_time()
