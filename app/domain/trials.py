"""When a trial's question is asked: some days before the end, by day, earlier rather than later (flows.md 6, 17)."""

from datetime import datetime, timedelta

from app.domain.calendar import QuietHours


def question_due(
    started_at: datetime, ends_at: datetime, notice: timedelta, quiet: QuietHours, now: datetime
) -> datetime | None:
    """When to ask whether to go on; None if there is no more time of day for it before the end (all UTC).

    A trial no longer than the notice is asked about halfway (safety.md 19). Where the right time is over already, it
    is asked as soon as it is day.
    """
    length = ends_at - started_at
    wanted = ends_at - notice if length > notice else started_at + length / 2
    moved = quiet.before_quiet_hours(wanted)
    if moved <= now or moved < started_at:
        moved = quiet.release(max(now, started_at))
    return moved if moved < ends_at else None
