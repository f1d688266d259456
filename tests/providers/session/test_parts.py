"""The parts of a session by themselves: pauses, repeats, progress, tests of the link, sequence numbers."""

import itertools

import pytest

from app.domain.messages import Seen
from app.providers.base import MAX_PROGRESS, Accepted, Refused, RefusedForNow, SendResult, Unknown
from app.providers.session.backoff import Backoff
from app.providers.session.dialect import EndKind
from app.providers.session.keepalive import KeepAlive
from app.providers.session.message import Progress, combined
from app.providers.session.times import Times
from app.providers.session.unconfirmed import Unconfirmed
from app.providers.session.window import SequenceNumbers

# ---- pauses


def pauses(backoff: Backoff, *ends: tuple[EndKind, float]) -> list[float]:
    return [backoff.pause(kind, lasted).total_seconds() for kind, lasted in ends]


def test_a_lost_link_is_tried_after_pauses_that_double_up_to_30_s() -> None:
    ends = [(EndKind.LINK, 0.0)] * 7
    assert pauses(Backoff(lambda: 1.0), *ends) == [1, 2, 4, 8, 16, 30, 30]
    assert pauses(Backoff(lambda: 0.25), *ends) == [0.25, 0.5, 1, 2, 4, 7.5, 7.5]


def test_only_a_session_of_more_than_a_minute_begins_anew() -> None:
    ends = [(EndKind.LINK, 0.0), (EndKind.LINK, 59.0), (EndKind.LINK, 61.0), (EndKind.LINK, 1.0)]
    assert pauses(Backoff(lambda: 1.0), *ends) == [1, 2, 1, 2]


def test_a_refusal_for_who_we_are_waits_a_minute_and_ever_longer_up_to_a_quarter_of_an_hour() -> None:
    ends = [(EndKind.IDENTITY, 0.0)] * 6
    assert pauses(Backoff(lambda: 0.0), *ends) == [60, 120, 240, 480, 900, 900]
    after_a_session = [(EndKind.IDENTITY, 0.0), (EndKind.IDENTITY, 0.0), (EndKind.PEER, 5.0), (EndKind.IDENTITY, 0.0)]
    assert pauses(Backoff(lambda: 0.0), *after_a_session) == [60, 120, 1, 60]


def test_an_old_session_at_the_carrier_is_given_5_s() -> None:
    assert pauses(Backoff(lambda: 1.0), *[(EndKind.ALREADY_BOUND, 0.0)] * 3) == [6, 7, 9]


def test_a_session_that_the_carrier_ended_is_begun_again_after_a_second() -> None:
    assert pauses(Backoff(lambda: 1.0), *[(EndKind.PEER, 3.0)] * 3) == [1, 1, 1]


# ---- what is not confirmed


def test_the_last_of_the_confirmed_messages_is_told_once() -> None:
    unconfirmed = Unconfirmed()
    for answer in (1, 3, 4):
        unconfirmed.add(answer, Seen(0, 7, answer, b""))
    assert unconfirmed.confirm(0) is None
    assert unconfirmed.confirm(3) == Seen(0, 7, 3, b"")
    assert unconfirmed.confirm(3) is None
    assert unconfirmed.confirm(9) == Seen(0, 7, 4, b"")


# ---- progress


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([Accepted("a"), Accepted("b")], Accepted("a", ("a", "b"))),
        ([Accepted("a"), Refused("no")], Refused("no, segment 2 of 2")),
        ([Unknown("no answer"), Refused("no")], Refused("no, segment 2 of 2")),
        ([Accepted("a"), Unknown("no answer")], Unknown("no answer", '[7,["a",null]]')),
        ([RefusedForNow("busy"), Unknown("no answer")], Unknown("no answer", "[7,[null,null]]")),
        ([RefusedForNow("busy"), Accepted("b")], RefusedForNow("busy", progress='[7,[null,"b"]]')),
        (
            [RefusedForNow("not begun"), RefusedForNow("full", throttled=True)],
            RefusedForNow("full", throttled=True, progress="[7,[null,null]]"),
        ),
    ],
)
def test_the_result_of_a_message_from_those_of_its_segments(results: list[SendResult], expected: SendResult) -> None:
    assert combined(results, Progress(7, [None] * len(results))) == expected


def test_progress_comes_back_as_it_went() -> None:
    given = Progress(65535, ["id", None, ""])
    read = Progress.read(str(given))
    assert read is not None
    assert (read.reference, read.ids) == (65535, ["id", None, ""])
    assert Progress.read(None) is None


def test_progress_is_never_too_long_and_forgets_no_accepted_segment() -> None:
    ids = [*("x" * 64 for _ in range(254)), None]
    text = str(Progress(1, ids))
    assert len(text.encode()) <= MAX_PROGRESS
    read = Progress.read(text)
    assert read is not None
    assert [one is None for one in read.ids] == [one is None for one in ids]


# ---- tests of the link


def test_three_tests_without_an_answer_are_the_end() -> None:
    keepalive = KeepAlive(Times(idle=30, test=10, tries=3))
    sent: list[int] = []
    for now in range(100):
        if keepalive.is_dead(now, heard_at=0.5):
            assert sent == [31, 41, 51]
            assert now == 61
            return
        if keepalive.is_due(now, 0.5, 0, 0.0):
            keepalive.sent(now, now, 0)
            sent.append(now)
    pytest.fail("it never ended")


def test_answers_that_nothing_confirms_are_tested_once_after_a_second() -> None:
    keepalive = KeepAlive(Times(idle=30, confirm=1))
    assert not keepalive.is_due(10.5, 10, replied=3, replied_at=10)
    assert keepalive.is_due(11, 10, replied=3, replied_at=10)
    keepalive.sent(5, 11, 3)
    assert not keepalive.answered(4)
    assert keepalive.answered(5)
    assert keepalive.confirmed == 3
    assert not keepalive.is_due(20, 11.1, replied=3, replied_at=10)


# ---- sequence numbers


def test_sequence_numbers_begin_at_random_and_wrap_within_their_range() -> None:
    numbers = SequenceNumbers(lambda _least, greatest: greatest - 2)
    assert list(itertools.islice((numbers.next(1, 9) for _ in itertools.count()), 4)) == [8, 9, 1, 2]
