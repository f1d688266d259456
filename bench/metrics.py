"""Reads the gateway's Prometheus metrics before and after a load."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """One histogram or summary about batches: the count and the mean, in the unit of its name."""

    name: str
    labels: dict[str, str]
    count: int
    mean: float

    @classmethod
    def together(cls, parts: Iterable["Batches"]) -> list["Batches"]:
        """Combine parts that have the same name and labels."""
        series: dict[tuple[str, tuple[tuple[str, str], ...]], list[Batches]] = {}
        for part in parts:
            series.setdefault((part.name, tuple(part.labels.items())), []).append(part)
        return [
            cls(name=name, labels=dict(labels), count=count, mean=sum(one.count * one.mean for one in group) / count)
            for (name, labels), group in series.items()
            for count in [sum(one.count for one in group)]
        ]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The values of all series at one moment."""

    values: Mapping[Series, float]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """Read the text format of Prometheus."""
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return cls({(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples})

    def total(self, name: str) -> float | None:
        """Return the sum of one counter over its labels, None if it has no series."""
        found = [value for (series, _), value in self.values.items() if series == name]
        return sum(found) if found else None

    def batches_since(self, before: "Snapshot") -> list[Batches]:
        """Return the growth since `before` of all series with `batch` in their name."""
        gained: list[Batches] = []
        for (name, labels), value in sorted(self.values.items()):
            base = name.removesuffix("_count")
            total = self.values.get((f"{base}_sum", labels))
            if base == name or "batch" not in base or total is None:
                continue
            count = value - before.values.get((name, labels), 0.0)
            if count > 0:
                gain = total - before.values.get((f"{base}_sum", labels), 0.0)
                gained.append(Batches(name=base, labels=dict(labels), count=int(count), mean=gain / count))
        return gained
