"""Limits of a number: loop guard, rate limit and cap on segments (flows.md 3; safety.md 22, 25)."""

from datetime import datetime, timedelta

from app.domain.values import replace, value

_LOOP_REPLIES = 5
_LOOP_WINDOW = timedelta(minutes=10)
_MESSAGES_A_MINUTE = 30
_RATE_WINDOW = timedelta(minutes=1)
_SEGMENTS_AN_HOUR = 200
_MINUTE = 60
_HOUR_MINUTES = 60
_STRANGER_EVERY = timedelta(days=1)


def _within(window: timedelta, since: datetime, now: datetime) -> bool:
    """Return True if ``since`` lies in the window before ``now``; a future time does not (a clock was set back)."""
    return timedelta(0) <= now - since < window


@value
class Limits:
    """The recent traffic of a number; stored as JSON in its conversation row. Times are UTC.

    Attributes:
        misunderstood: when the latest replies that understood nothing were made, at most 5.
        minute_began: when the current minute of the rate limit began.
        in_minute: how many MOs were counted in it.
        told_too_many: the notice about too many messages was sent in this minute.
        segments: pairs of a minute (since 1970) and the segments that were made in it, for the last hour.
        told_stranger_at: when the number was last told that it is not a customer's.
        interrupted_by: an id greater than those of the questions about money that were open when other text was sent
            from the bare access number; what the subscriber sends there may answer that text (safety.md 6).
    """

    misunderstood: tuple[datetime, ...] = ()
    minute_began: datetime | None = None
    in_minute: int = 0
    told_too_many: bool = False
    segments: tuple[tuple[int, int], ...] = ()
    told_stranger_at: datetime | None = None
    interrupted_by: str = ""

    # ---- loop guard

    def may_say_not_understood(self, now: datetime) -> bool:
        """Return False from the fifth such reply within 10 minutes until 10 minutes have passed without one."""
        return not self._looping() or not _within(_LOOP_WINDOW, self.misunderstood[-1], now)

    def count_not_understood(self, now: datetime) -> "Limits":
        """Count a reply that understood nothing."""
        before = () if self._looping() else self.misunderstood
        recent = tuple(at for at in before if _within(_LOOP_WINDOW, at, now))
        return replace(self, misunderstood=(*recent, now))

    def _looping(self) -> bool:
        return len(self.misunderstood) >= _LOOP_REPLIES

    # ---- rate limit

    def count_message(self, sent_at: datetime, now: datetime) -> "Limits":
        """Count an MO by the time it was sent. The first MO after the end of a minute begins the next one.

        An MO that was sent before the current minute but arrives in it counts in it. A minute that began in the future
        is ignored, as a clock was set back.
        """
        began = self.minute_began
        if began is None or began > now or sent_at - began >= _RATE_WINDOW:
            return replace(self, minute_began=sent_at, in_minute=1, told_too_many=False)
        return replace(self, in_minute=self.in_minute + 1)

    @property
    def over_rate(self) -> bool:
        """True if the last counted MO was more than the 30 allowed in a minute."""
        return self.in_minute > _MESSAGES_A_MINUTE

    @property
    def minute_over_at(self) -> datetime | None:
        """The end of the current minute (UTC), when kept MOs are handled; None before the first MO."""
        return self.minute_began + _RATE_WINDOW if self.minute_began else None

    # ---- cap on segments

    def may_send(self, segments: int, now: datetime) -> bool:
        """Return True if this many more segments stay within 200 in 60 minutes."""
        return sum(count for _, count in self._this_hour(now)) + segments <= _SEGMENTS_AN_HOUR

    def count_segments(self, segments: int, now: datetime) -> "Limits":
        """Count segments that were made for this number."""
        minute = int(now.timestamp()) // _MINUTE
        recent = self._this_hour(now)
        if recent and recent[-1][0] == minute:
            recent, segments = recent[:-1], recent[-1][1] + segments
        return replace(self, segments=(*recent, (minute, segments)))

    def _this_hour(self, now: datetime) -> tuple[tuple[int, int], ...]:
        minute = int(now.timestamp()) // _MINUTE
        return tuple(entry for entry in self.segments if minute - _HOUR_MINUTES <= entry[0] <= minute)

    # ---- numbers that are not customers

    def may_tell_stranger(self, now: datetime) -> bool:
        """Return True if the number was not told within a day that it is not a customer's."""
        return self.told_stranger_at is None or not _within(_STRANGER_EVERY, self.told_stranger_at, now)
