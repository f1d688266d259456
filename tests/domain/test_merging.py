"""Outcomes of one turn are merged field by field, and no field is lost."""

from dataclasses import fields
from typing import Any

import pytest

from app.domain.evidence import EvidenceDraft
from app.domain.limits import Limits
from app.domain.matters import Matter, MatterKind
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass, Reply
from app.domain.records import Record
from app.domain.refusals import RefusalReason
from app.domain.turn import EventDraft, Outcome, TimerDropped, TimerSet, refused
from tests.commands.world import SUBSCRIBER, has, shanghai

NOW = shanghai("2026-03-02 10:00")
CHARGE, ORDER = Matter(MatterKind.CHARGE, "1"), Matter(MatterKind.ORDER, "1")
# Of each field, two values and what they are merged into; None: they cannot be merged.
MERGED: dict[str, tuple[Any, Any, Any]] = {
    name: (first, second, first + second)
    for name, first, second in (
        ("replies", (Reply(("a",), "", MessageClass.REPLY),), (Reply(("b",), "", MessageClass.REPLY),)),
        ("subscriptions", (has("CL"),), (has("SJB"),)),
        ("questions", ("a",), ("b", "c")),
        ("timers", (TimerSet("a", "1", NOW),), (TimerSet("b", "1", NOW),)),
        ("dropped_timers", (TimerDropped("a", "1"),), (TimerDropped("b", "1"),)),
        ("evidence", (EvidenceDraft("a", "1", {}),), (EvidenceDraft("b", "1", {}),)),
        ("events", (EventDraft("billing", "a", {}),), (EventDraft("billing", "b", {}),)),
        ("records", (Record("1", NOW),), (Record("2", NOW),)),
        ("superseded", (CHARGE,), (ORDER,)),
    )
} | {
    "subscriber": (None, SUBSCRIBER, SUBSCRIBER),
    "tenure_ended": (False, True, True),
    "verdict": ("a", "b", "a"),
    "understood": (False, True, False),
    "refusal": (None, refused(RefusalReason.UNKNOWN).refusal, None),
    "limits": (Limits(in_minute=1), Limits(in_minute=2), None),
    "former_tenure": (1, 2, None),
    "result": ("a", "b", None),
}


def test_every_field_has_a_case() -> None:
    assert set(MERGED) == {item.name for item in fields(Outcome)}


@pytest.mark.parametrize("name", MERGED)
def test_a_field_is_merged_or_refused(name: str) -> None:
    first, second, merged = MERGED[name]
    outcomes = Outcome(**{name: first}), Outcome(**{name: second})
    if merged is None:
        with pytest.raises(ValueError, match="outcome"):
            merge_outcomes(*outcomes)
    else:
        assert merge_outcomes(*outcomes) == Outcome(**{name: merged})


@pytest.mark.parametrize("name", [name for name in MERGED if name not in ("refusal", "verdict", "understood")])
@pytest.mark.parametrize("place", range(3))
def test_a_field_that_one_outcome_sets_is_kept(name: str, place: int) -> None:
    alone = Outcome(**{name: MERGED[name][1]})
    outcomes = [Outcome(), Outcome(), Outcome()]
    outcomes[place] = alone
    assert merge_outcomes(*outcomes) == alone
