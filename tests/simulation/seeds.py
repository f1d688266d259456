"""Running seeds: each is a life, judged by the invariants when it is over."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.books import read_books
from tests.simulation.invariants import breaches
from tests.simulation.life import Life, make_template
from tests.simulation.loop import StuckError
from tests.simulation.trace import Trace

Fault = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Lived:
    """What became of a seed."""

    seed: int
    breaches: list[str]
    trace: Trace
    counts: Counter[str]

    @property
    def story(self) -> str:
        """The end of what happened; what is wrong, and how to see it again, if anything is."""
        wrong = ["", *self.breaches[:10], "", f"Replay it: python -m tests.simulation --seed {self.seed}"]
        return "\n".join([self.trace.tail(), *(wrong if self.breaches else ())])


class Seeds:
    """Lives by seeds, each on a copy of one database."""

    def __init__(self, folder: Path) -> None:
        self._template, self._file = folder / "template.db", folder / "life.db"
        make_template(self._template)

    def live(self, seed: int, fault: Fault = nullcontext) -> Lived:
        """Live through a seed, with a fault planted in the gateways, and judge it."""
        for end in ("", "-wal", "-shm"):
            Path(f"{self._file}{end}").unlink(missing_ok=True)
        shutil.copyfile(self._template, self._file)
        life = Life(seed, self._file)
        with fault():
            found = _lived(life)
        counts = life.trace.counts + Counter(steps=life.loop.steps, doubles=_doubles(life))
        return Lived(seed, found, life.trace, counts)


def _lived(life: Life) -> list[str]:
    try:
        life.live()
    except (AssertionError, StuckError) as error:
        return [str(error) or "stuck: nothing can happen any more, and something is still awaited"]
    return breaches(life, read_books(life.file, list(life.handsets), life.began))


def _doubles(life: Life) -> int:
    """Return how many messages arrived at handsets that were there already."""
    references = Counter(taken.reference for carrier in life.carriers.values() for taken in carrier.taken)
    return sum(times - 1 for times in references.values())


@contextmanager
def changed(owner: object, name: str, new: object) -> Iterator[None]:
    """Replace an attribute within the context."""
    old = owner.__dict__[name]
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, old)
