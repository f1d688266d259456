"""Simulated lives from the command line: one seed again, a range of them, or the planted faults."""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from app import observability
from app.db import session
from tests.databases import Compiled
from tests.simulation.faults import FAULTS
from tests.simulation.seeds import Seeds

MOST_SEEDS_FOR_A_FAULT = 500


def main() -> int:
    """Run what the arguments ask for. Return 1 if a seed failed, or a fault was not found."""
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="live one seed")
    parser.add_argument("--seeds", default="0-199", help="live these seeds, such as 0-1999")
    parser.add_argument("--trace", action="store_true", help="show the whole life of a seed")
    parser.add_argument("--faults", action="store_true", help="show within how many seeds each planted fault is found")
    asked = parser.parse_args()
    observability.configure_logging("ERROR")
    # A dead process leaves futures that nobody awaits any more.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    compiled = Compiled()
    session.make_engine = compiled.shared_by(session.make_engine)
    compiled.learn("sqlite://")
    with tempfile.TemporaryDirectory() as folder:
        seeds = Seeds(Path(folder))
        if asked.seed is not None:
            return _one(seeds, asked.seed, whole=asked.trace)
        if asked.faults:
            return _faults(seeds)
        first, _, last = asked.seeds.partition("-")
        return _many(seeds, range(int(first), int(last or first) + 1))


def _one(seeds: Seeds, seed: int, *, whole: bool) -> int:
    lived = seeds.live(seed)
    print(lived.trace.tail(None) if whole else lived.story)
    print(f"seed {seed}: {_figures(lived.counts)}; trace {lived.trace.digest}")
    return bool(lived.breaches)


def _many(seeds: Seeds, wanted: range) -> int:
    """Live all seeds; a seed that fails does not end it."""
    counts: Counter[str] = Counter()
    failed, began = [], time.process_time()
    for number, seed in enumerate(wanted, 1):
        lived = seeds.live(seed)
        counts += lived.counts
        if lived.breaches:
            failed.append(seed)
            print(f"\n{lived.story}")
        print(f"\r{number} of {len(wanted)} seeds, {len(failed)} failed", end="", flush=True)
    seconds = time.process_time() - began
    print(f"\n{seconds:.0f} s of processor time, {seconds / len(wanted):.2f} s a seed\n{_figures(counts)}")
    if failed:
        print("failed:", *failed)
    return bool(failed)


def _faults(seeds: Seeds) -> int:
    missed = 0
    print("| broken promise | noticed by | seeds |\n|---|---|---|")
    for promise, plant in FAULTS.items():
        for number in range(MOST_SEEDS_FOR_A_FAULT):
            lived = seeds.live(number, plant)
            if lived.breaches:
                print(f"| {promise} | {lived.breaches[0].partition(':')[0]} | {number + 1} |", flush=True)
                break
        else:
            missed += 1
            print(f"| {promise} | nothing | more than {MOST_SEEDS_FOR_A_FAULT} |", flush=True)
    return bool(missed)


def _figures(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in sorted(counts))


if __name__ == "__main__":
    sys.exit(main())
