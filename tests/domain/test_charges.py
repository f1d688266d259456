"""State transitions and windows of charges (flows.md 7; safety.md 12)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import QuietHours, local
from app.domain.charges import Charge, ChargeKind, ChargeState, window_end

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
FINAL = {ChargeState.CHARGED, ChargeState.WAIVED, ChargeState.CANCELLED}


def charge(state: ChargeState) -> Charge:
    return Charge("c-1", AT, ChargeKind.MONTHLY, "SJB", "s-1", 300, "2026-03", AT, AT, None, state=state)


@pytest.mark.parametrize("state", ChargeState)
@pytest.mark.parametrize("to", ChargeState)
def test_only_allowed_transitions_happen(state: ChargeState, to: ChargeState) -> None:
    allowed = {
        ChargeState.ANNOUNCED: {ChargeState.REMINDED, ChargeState.DISPUTED, *FINAL},
        ChargeState.REMINDED: {ChargeState.DISPUTED, *FINAL},
        ChargeState.DISPUTED: {ChargeState.REMINDED, *FINAL},
    }.get(state, set())
    if to not in allowed:
        with pytest.raises(ValueError, match="cannot become"):
            charge(state).moved(to, AT)
        return
    moved = charge(state).moved(to, AT)
    assert (moved.state, moved.is_open, moved.settled_at) == (to, to not in FINAL, AT if to in FINAL else None)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)),  # noqa: DTZ001  made aware below
    st.integers(1, 8).map(lambda hours: timedelta(hours=hours)),
)
def test_a_window_lasts_its_time_and_never_ends_at_night(start: datetime, window: timedelta) -> None:
    quiet = QuietHours()
    handed_over = start.replace(tzinfo=UTC)
    end = window_end(handed_over, window, quiet)
    assert end >= handed_over + window
    assert local(end).hour >= 8
    if quiet.release(handed_over) > handed_over:
        assert end >= quiet.release(handed_over) + timedelta(hours=1)
    assert end - handed_over <= window + timedelta(hours=10)
