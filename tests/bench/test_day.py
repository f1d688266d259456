"""The curve of the day."""

from bench.scenarios.day import HOURS, counts_of


def test_the_day_has_its_peaks_at_ten_and_at_twenty_and_is_quiet_at_night() -> None:
    assert len(HOURS) == 24
    assert [hour for hour, weight in enumerate(HOURS) if weight == max(HOURS)] == [10, 20]
    assert max(HOURS[1:6]) <= 10


def test_the_highest_hour_has_the_given_rate() -> None:
    counts = counts_of(200, 150)
    assert counts[10] == counts[20] == 30_000
    assert counts[3] == 1_500
    assert sum(counts) == 300 * sum(HOURS)
