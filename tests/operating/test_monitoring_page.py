"""The page on monitoring lists every metric and every kind of failure as they are."""

import io
import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.failures import Failures, Kind
from tests.operating.test_alerts import PAGE, our_metrics
from tests.web.calls import Web

_ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading, by their first cell."""
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return {name: rest.split(" | ") for name, rest in _ROW.findall(section)}


def test_every_metric_is_listed_with_its_labels() -> None:
    ends = ("_bucket", "_sum", "_count")
    there = {
        re.sub(f"({'|'.join(ends)})$", "", name) if name.endswith(ends) else name: labels
        for name, labels in our_metrics().items()
    }
    listed = {name: set(re.findall(r"\w+", cells[1])) for name, cells in rows("Metrics").items()}
    assert listed == there


def test_every_kind_of_failure_is_listed_with_its_words(log: io.StringIO) -> None:
    listed = rows("The log")
    assert list(listed) == [kind.value for kind in Kind]
    for kind in Kind:
        log.seek(0)
        log.truncate()
        failures = Failures()
        failures.met(kind, cause="")
        failures.over(kind)
        said = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
        assert listed[kind.value][: len(said)] == said


@pytest.mark.anyio
async def test_values_of_labels_are_words_in_one_spelling(web: Web) -> None:
    await web.running.say("0000")
    await web.inbound([{"message_id": "x"}, {"message_id": "1", "from": "106", "to": "10086", "text": "0000"}])
    await web.inbound({"message_id": "2", "from": "+4915112345678", "to": "10086", "text": "0000"})
    await web.status({"message_id": "unheard-of", "status": "odd"})
    free = {"route", "version", "python", "provider", "of", "command", "le", "method"}
    odd = {
        (family.name, label, text)
        for family in text_string_to_metric_families((await web.get("/metrics")).text)
        for sample in family.samples
        for label, text in sample.labels.items()
        if family.name.startswith("smsgw_") and label not in free and not re.fullmatch(r"[a-z0-9_]+", text)
    }
    assert odd == set()
