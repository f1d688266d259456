"""The questions that a text may belong to, each at the time that its answer counts from (flows.md 3; safety.md 34)."""

from app.commands.parser import Said
from app.domain.dialogue import Arrival, Question
from app.domain.service_numbers import Extension
from app.domain.turn import TextReceived, Turn


def may_answer(received: TextReceived, question: Question) -> bool:
    """Whether it is open for a text that waits for its turn."""
    return question.is_open(question.answered_at(received.sent_at, received.arrived_at))


def is_open(turn: Turn, question: Question) -> bool:
    """Whether it is open for the text of a turn."""
    return question.is_open(turn.answering(question).at)


def lately_ended(turn: Turn, question: Question) -> bool:
    """Whether it ended before the text of a turn, and is remembered."""
    return question.ended_recently(turn.answering(question).at)


def remembered_by(turn: Turn) -> list[Question]:
    """The questions that a text may belong to, open or lately ended, oldest first (flows.md 3, step 4)."""
    asked = turn.account.questions.values()
    reached = (item for item in asked if not item.state.must_reach or turn.account.arrival(item) is not Arrival.UNSENT)
    found = [question for question in reached if is_open(turn, question) or lately_ended(turn, question)]
    return sorted(found, key=lambda question: (question.asked_at, question.id))


def asked_at(known: list[Question], extension: str, said: Said) -> list[Question]:
    """Those that a text to a number may answer: all at 10086 itself, else what was asked from there (safety.md 6).

    A number that never asked her anything is as good as 10086 itself, but not for a yes. Not so where others ask:
    what is sent to a confirmation number was meant for one order, and to that of campaigns for a campaign.
    """
    if extension == Extension.COMMANDS:
        return known
    asked_there = [question for question in known if question.extension == extension]
    if asked_there or said.is_yes or extension.startswith((Extension.CONFIRMATION, Extension.CARE)):
        return asked_there
    return known
