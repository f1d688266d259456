"""Tests of the link: that the carrier is there, and that it has our answers (carriers.md 4.7, 5.6)."""

from app.providers.session.times import Times


class KeepAlive:
    """Decides when a test of the link is due. All moments are in monotonic seconds.

    Attributes:
        confirmed: how many of our answers the carrier certainly has.
    """

    def __init__(self, times: Times) -> None:
        self._times = times
        self._sequence: int | None = None
        self._sent_at = 0.0
        self._mark = 0
        self._tries = 0
        self.confirmed = 0

    def is_dead(self, now: float, heard_at: float) -> bool:
        """Whether the carrier left the last of all tries without an answer, and sent nothing else."""
        is_unheard = self._tries >= self._times.tries and heard_at < self._sent_at
        return is_unheard and now - self._sent_at >= self._times.test

    def is_due(self, now: float, heard_at: float, replied: int, replied_at: float) -> bool:
        """Whether to test now. ``replied`` requests were answered so far, the last one at ``replied_at``."""
        if heard_at >= self._sent_at:
            self._tries = 0
        if self._tries:
            return now - self._sent_at >= self._times.test
        is_unconfirmed = replied > max(self.confirmed, self._mark) and now - replied_at >= self._times.confirm
        return is_unconfirmed or now - heard_at >= self._times.idle

    def sent(self, sequence: int, now: float, replied: int) -> None:
        """Note a test that was sent."""
        self._sequence, self._sent_at, self._mark = sequence, now, replied
        self._tries += 1

    def answered(self, sequence: int) -> bool:
        """Note an answer. Return True if it is that of the last test."""
        if sequence != self._sequence:
            return False
        self._sequence = None
        self.confirm(self._mark)
        return True

    def confirm(self, mark: int) -> None:
        """Note that the carrier answered a request which was written behind so many answers."""
        self.confirmed = max(self.confirmed, mark)
