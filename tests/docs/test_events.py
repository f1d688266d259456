"""docs/receiving-events.md names every type of event and every number in them."""

import re
from pathlib import Path

from app.domain.sp_events import ACCESS_MODES, Action, Cause, EventType

PAGE = (Path(__file__).parents[2] / "docs" / "receiving-events.md").read_text("utf-8")
_CODE = re.compile(r"`([^`]+)`")


def _rows() -> list[list[str]]:
    lines = (line for line in PAGE.splitlines() if line.startswith("| `"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_has_every_type_with_its_receiver() -> None:
    shown = {kind: row[1] for row in _rows() for kind in _CODE.findall(row[0]) if "." in kind}
    assert shown == {kind.value: "SP" if kind.startswith("subscription.") else "billing" for kind in EventType}


def test_the_table_has_every_number_of_each_field() -> None:
    numbers = [(_CODE.findall(row[0])[0], int(row[1])) for row in _rows() if row[1].isdigit()]
    fields: dict[str, set[int]] = {
        "action": set(Action),
        "reason": set(Cause),
        "access_mode": set(ACCESS_MODES.values()),
    }
    assert numbers == [(field, number) for field, known in fields.items() for number in sorted(known)]
