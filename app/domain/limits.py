"""Guards against machines: the loop guard, the rate limit and the cap on segments (flows.md 3; safety.md 22, 25)."""

from datetime import datetime, timedelta

from app.domain.values import replace, value

_LOOP_REPLIES = 5
_LOOP_WINDOW = timedelta(minutes=10)
_RATE = 30
_RATE_WINDOW = timedelta(minutes=1)
_SEGMENTS_AN_HOUR = 200
_MINUTE = 60
_HOUR_MINUTES = 60
_STRANGER_EVERY = timedelta(days=1)


def _within(window: timedelta, since: datetime, now: datetime) -> bool:
    """Whether a moment lies in the window before ``now``; one in the future does not: a clock was set back."""
    return timedelta(0) <= now - since < window


@value
class Limits:
    """What is remembered of a number's recent traffic; lives in its conversation row.

    ``interrupted_by`` is an id that sorts behind the questions about money that were open when other text went to her
    from the bare access number: a word that she sends there may be meant for that text (safety.md 6).

    What every text changes is spelled out field by field: ``replace`` takes several times as long.
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
        """After 5 such replies within 10 minutes there are none until 10 minutes have passed without one."""
        return not self._looping() or not _within(_LOOP_WINDOW, self.misunderstood[-1], now)

    def count_not_understood(self, now: datetime) -> "Limits":
        """Count one such reply."""
        before = () if self._looping() else self.misunderstood
        recent = tuple(moment for moment in before if _within(_LOOP_WINDOW, moment, now))
        return replace(self, misunderstood=(*recent, now))

    def _looping(self) -> bool:
        return len(self.misunderstood) >= _LOOP_REPLIES

    # ---- rate limit

    def count_message(self, sent_at: datetime, now: datetime) -> "Limits":
        """Count an MO by when it was sent; a minute begins with the first message after the one before was over.

        One that was sent before the minute began, and comes behind, counts in it. A minute that began in the future is
        none: a clock was set back.
        """
        began = self.minute_began
        if began is None or began > now or sent_at - began >= _RATE_WINDOW:
            # By place, truth values too: names would take this hot path longer.
            return Limits(
                self.misunderstood, sent_at, 1, False, self.segments, self.told_stranger_at, self.interrupted_by,  # noqa: FBT003
            )  # fmt: skip
        return Limits(
            self.misunderstood,
            self.minute_began,
            self.in_minute + 1,
            self.told_too_many,
            self.segments,
            self.told_stranger_at,
            self.interrupted_by,
        )

    @property
    def over_rate(self) -> bool:
        """Whether the message counted last was one too many."""
        return self.in_minute > _RATE

    @property
    def minute_over_at(self) -> datetime | None:
        """When kept messages run."""
        return self.minute_began + _RATE_WINDOW if self.minute_began else None

    # ---- cap on segments

    def may_send(self, segments: int, now: datetime) -> bool:
        """Whether so many more keep within 200 segments in any 60 minutes."""
        return sum(count for _, count in self._this_hour(now)) + segments <= _SEGMENTS_AN_HOUR

    def count_segments(self, segments: int, now: datetime) -> "Limits":
        """Count segments made for this number."""
        minute = int(now.timestamp()) // _MINUTE
        recent = self._this_hour(now)
        if recent and recent[-1][0] == minute:
            recent, segments = recent[:-1], recent[-1][1] + segments
        counted = (*recent, (minute, segments))
        return Limits(
            self.misunderstood,
            self.minute_began,
            self.in_minute,
            self.told_too_many,
            counted,
            self.told_stranger_at,
            self.interrupted_by,
        )

    def _this_hour(self, now: datetime) -> tuple[tuple[int, int], ...]:
        minute = int(now.timestamp()) // _MINUTE
        return tuple(entry for entry in self.segments if minute - _HOUR_MINUTES <= entry[0] <= minute)

    # ---- numbers that are nobody's

    def may_tell_stranger(self, now: datetime) -> bool:
        """A number that is no customer's is told so at most once a day."""
        return self.told_stranger_at is None or not _within(_STRANGER_EVERY, self.told_stranger_at, now)
