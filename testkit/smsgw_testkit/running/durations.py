"""How long the calls of a run took."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

_MEANING = {
    "start": "start of a gateway",
    "reset": "reset",
    "send": "text with its answers",
    "clock": "move of the clock",
}
_P50, _P95 = 0.5, 0.95


class Durations:
    """Seconds, by what took them."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def note(self, what: str, seconds: float) -> None:
        """Note how long something took."""
        self.seconds[what].append(seconds)

    def add(self, others: Mapping[str, Iterable[float]]) -> None:
        """Add what another process has noted."""
        for what, seconds in others.items():
            self.seconds[what].extend(seconds)

    def lines(self) -> list[str]:
        """Return a line for each kind of call, with median, 95th percentile and count."""
        return [
            f"{meaning}: median {_at(_P50, found) * 1000:.0f} ms, 95% within {_at(_P95, found) * 1000:.0f} ms, "
            f"{len(found)} times"
            for what, meaning in _MEANING.items()
            if (found := sorted(self.seconds.get(what, ())))
        ]


def _at(share: float, found: list[float]) -> float:
    return found[min(len(found) - 1, int(share * len(found)))]
