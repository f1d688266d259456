"""What a scenario found: figures that were measured several times, and processor time by stage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

REST = "rest"


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, measured in each turn. `unit` is empty for a ratio."""

    name: str
    unit: str
    values: tuple[float, ...]

    @classmethod
    def of(cls, name: str, unit: str, values: Iterable[float]) -> "Figure":
        """Return the figure with these values."""
        return cls(name, unit, tuple(values))

    @property
    def median(self) -> float:
        """The middle value."""
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return min(self.values), max(self.values)


@dataclass(frozen=True, slots=True)
class Stages:
    """Processor time a message by stage, in µs, from a run of its own with wrappers around the stages.

    The wrappers take time, too. So what they found gives the shares, and `total_us`, measured without wrappers, the
    sum.
    """

    total_us: float
    found_us: Mapping[str, float]
    """By stage, as found by the wrappers; with REST, which no stage explains."""

    @property
    def scaled_us(self) -> dict[str, float]:
        """The time of each stage, scaled so that all are `total_us` together."""
        found = sum(self.found_us.values())
        return {name: value * self.total_us / found for name, value in self.found_us.items()}

    @property
    def wrappers_cost(self) -> float:
        """How much more the run with wrappers took, as a share of `total_us`: 0.1 is 10 %."""
        return sum(self.found_us.values()) / self.total_us - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one scenario found."""

    figures: list[Figure]
    stages: Stages | None = None
    notes: list[str] = field(default_factory=list)
    taken_in: str = "turns"
    """What a figure was measured in several of."""

    def figure(self, name: str) -> Figure | None:
        """Return the figure of that name, None if there is none."""
        return next((figure for figure in self.figures if figure.name == name), None)
