"""The times of a session, in seconds (carriers.md 4)."""

from app.domain.values import value


@value
class Times:
    """The times of a session, in seconds.

    Attributes:
        answer: how long an answer is waited for before the attempt is unknown, that of the bind, too.
        idle, test, tries: a test after so long without anything heard; how long its answer is waited for, how often.
        connect: how long connecting may take.
        place: how long a submit without an answer keeps its place in the window.
        begin: how long a segment may wait for the pace and for a place in the window.
        half: how long the rest of a PDU is waited for.
        stall: how long the database may be away before no more is submitted.
        give_up: how long it may be away before the session is ended.
        goodbye: how long the answer to the goodbye is waited for.
        confirm: after how long a test finds out that the answers to messages arrived.
        again: the pause between two tries to store.
        tick: how often all of this is looked at.
        asleep: after how long without a look the process was stopped: what the carrier made of that is not known.
    """

    answer: float = 10
    idle: float = 30
    test: float = 10
    tries: int = 3
    connect: float = 10
    place: float = 60
    begin: float = 4
    half: float = 10
    stall: float = 10
    give_up: float = 19
    goodbye: float = 5
    confirm: float = 1
    again: float = 0.5
    tick: float = 0.25
    asleep: float = 5
