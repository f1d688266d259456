"""The load generator's process, seen from the benchmark."""

import math
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.load.sending import Failure, Outcome, Plan, Progress, generate

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

START_SECONDS = 30.0
END_SECONDS = 5.0


class Generator:
    """Carries out plans, one after the other, in a process that lives as long as the benchmark."""

    def __init__(self, pipe: "Connection[Plan, Progress | Outcome | Failure]") -> None:
        self._pipe = pipe

    def run(self, plan: Plan, watch: Callable[[int], None] = lambda _answers: None) -> Outcome:
        """Return the outcome of a plan; `watch` gets the number of answers so far. Raise BenchError if it fails."""
        self._pipe.send(plan)
        while self._pipe.poll(plan.limit_seconds + START_SECONDS):
            try:
                message = self._pipe.recv()
            except EOFError:
                break
            match message:
                case Progress(answers=answers):
                    watch(answers)
                case Failure(reason=reason):
                    raise BenchError(f"the load was given up: {reason}")
                case Outcome():
                    watch(len(message.latencies))
                    return message
        raise BenchError("the load generator ended without a result")


@contextmanager
def load_generator() -> Iterator[Generator]:
    """Run a load generator while the block runs."""
    context = get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=generate, args=(there,), daemon=True)
    # The child inherits the mask, so Ctrl-C interrupts only the benchmark, which then ends the child.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        child.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    there.close()
    try:
        yield Generator(here)
    finally:
        here.close()
        child.terminate()
        child.join(END_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()


# ---- schedules and latencies


def evenly(rate: float, seconds: float) -> list[float]:
    """Return instants `1 / rate` seconds apart, for an open loop."""
    return [number / rate for number in range(max(1, round(rate * seconds)))]


def quantile(latencies: Sequence[float], share: float) -> float:
    """Return the smallest latency that at least `share` of all do not exceed; 0.99 for p99."""
    ordered = sorted(latencies)
    return ordered[max(0, math.ceil(round(len(ordered) * share, 6)) - 1)]
