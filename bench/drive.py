"""Runs the load generator in a child process and follows its progress."""

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
    """Run the plan in a child process and yield its outcome; the process ends after the block.

    `watch` gets the number of answers so far. Raises BenchError if the run fails.
    """
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=generate, args=(plan, there), daemon=True)
    # The child inherits the mask, so Ctrl-C interrupts only the benchmark, which then ends the child.
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
    """Run the plan in a child process and return its outcome."""
    with load(plan, watch) as outcome:
        return outcome


def _follow(pipe: Pipe, seconds: float, watch: Callable[[int], None]) -> Outcome:
    """Return the outcome, passing progress on to `watch`; raise BenchError after `seconds` without a message."""
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
