"""Starts the load generator and follows it from the benchmark's own process."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context

from bench.errors import BenchError
from bench.load import Failure, Outcome, Pipe, Plan, Progress, generate

START_SECONDS = 30.0
END_SECONDS = 5.0


@contextmanager
def load(plan: Plan, watch: Callable[[int], None]) -> Iterator[Outcome]:
    """Yield the outcome as soon as it is known; the process ends after the block."""
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=generate, args=(plan, there), daemon=True)
    # The child inherits the mask: Ctrl-C reaches the benchmark alone, which ends the rest.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        child.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    there.close()
    try:
        yield _follow(here, plan.limit_seconds + START_SECONDS, watch)
    finally:
        here.close()
        child.terminate()
        child.join(END_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()


def run(plan: Plan, watch: Callable[[int], None]) -> Outcome:
    """Carry out the plan and return what came of it."""
    with load(plan, watch) as outcome:
        return outcome


def _follow(pipe: Pipe, seconds: float, watch: Callable[[int], None]) -> Outcome:
    """Pass progress on to `watch`; `seconds` may pass between two messages."""
    while pipe.poll(seconds):
        try:
            message = pipe.recv()
        except EOFError:
            break
        match message:
            case Progress(answers=answers):
                watch(answers)
            case Failure(reason=reason):
                raise BenchError(f"the load was given up: {reason}")
            case Outcome():
                watch(message.answers)
                return message
    raise BenchError("the load generator ended without a result")
