"""A made-up run of the benchmark."""

from bench.figures import Figure, Result, Stages
from bench.lab import EMPTY_TIME
from bench.machine import Machine
from bench.run import Entry, Report

MACHINE = Machine(
    processor="Example 9",
    cores=2,
    load=0.1,
    system="Linux x86_64",
    python="3.11.7",
    packages={"fastapi": "0.165.0"},
    fsync_ms=0.5,
)


def round_trips(name: str, total: float, **stages: float) -> Entry:
    figures = [
        Figure.of("processor time a round trip", "µs", [total - 10, total, total + 30]),
        Figure.of(EMPTY_TIME, "µs", [100, 101, 99]),
    ]
    return Entry(
        name=name, title=name.title(), seconds=12, result=Result(figures=figures, stages=Stages(total, stages))
    )


def open_loop() -> Entry:
    figures = [
        Figure.of(f"at 1,000/s: {what}, p99", "ms", [milliseconds])
        for what, milliseconds in (("answer to the request", 8.0), ("reply on the handset", 21.0))
    ]
    return Entry(
        name="open-loop",
        title="A constant rate",
        seconds=5,
        result=Result(figures=figures, notes=["not reached: 1,000 a second; replies came at 812 a second"]),
    )


def report(*entries: Entry) -> Report:
    return Report(machine=MACHINE, counts_instructions=False, generator_per_second=30_000, seconds=90, entries=entries)


SAMPLE = report(
    round_trips("single", 400, HTTP=100, turns=50, rest=50),
    round_trips("postgresql", 900, HTTP=100, **{"rest": 50, "PostgreSQL server": 300}),
    open_loop(),
    Entry(name="memory", title="Memory", seconds=1, failed="the gateway ended\nand its log"),
    Entry(name="out", title="Out", seconds=1, skipped="No carrier."),
)
