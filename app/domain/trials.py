"""When subscribers are asked whether to continue a trial: some days before its end, by day (flows.md 6, 17)."""

from datetime import datetime, timedelta

from app.domain.calendar import QuietHours


def question_due(
    started_at: datetime, ends_at: datetime, notice: timedelta, quiet: QuietHours, now: datetime
) -> datetime | None:
    """Return when to ask whether to continue a trial, or None if it ends before the quiet hours do (all UTC).

    The question is asked ``notice`` before the end. A trial no longer than that is asked about halfway (safety.md 19).
    A time in the quiet hours moves to before them. If that time has passed, the question is asked as soon as the quiet
    hours allow.
    """
    length = ends_at - started_at
    intended = ends_at - notice if length > notice else started_at + length / 2
    due = quiet.before_quiet_hours(intended)
    if due <= now or due < started_at:
        due = quiet.release(max(now, started_at))
    return due if due < ends_at else None
