"""The questions that a text may answer: those open, and those that ended lately (flows.md 3; safety.md 34)."""

from app.commands.parser import Said
from app.domain.dialogue import Arrival, Question
from app.domain.service_numbers import Extension
from app.domain.turn import TextReceived, Turn


def may_answer(received: TextReceived, question: Question) -> bool:
    """Return True if the question is open for a text whose turn has not begun."""
    return question.is_open(question.answered_at(received.sent_at, received.arrived_at))


def is_open(turn: Turn, question: Question) -> bool:
    """Return True if the question is open at the time from which the turn's text counts as its answer."""
    return question.is_open(turn.answering(question).at)


def recently_ended(turn: Turn, question: Question) -> bool:
    """Return True if the question ended before the turn's text, and not longer ago than questions are remembered."""
    return question.ended_recently(turn.answering(question).at)


def remembered_questions(turn: Turn) -> list[Question]:
    """Return the questions that are open or ended lately, oldest first (flows.md 3, step 4)."""
    questions = turn.account.questions.values()
    sent = (item for item in questions if not item.state.must_reach or turn.account.arrival(item) is not Arrival.UNSENT)
    remembered = [question for question in sent if is_open(turn, question) or recently_ended(turn, question)]
    return sorted(remembered, key=lambda question: (question.asked_at, question.id))


def answerable_at(questions: list[Question], extension: str, said: Said) -> list[Question]:
    """Return the questions that a text to an extension may answer (safety.md 6).

    A text to 10086 itself may answer any question. A text to another number may answer what was asked from there. If
    nothing was, the number counts as 10086, but not for a yes, and not for the numbers of confirmations and of
    campaigns: a text there was meant for one order or one campaign.
    """
    if extension == Extension.COMMANDS:
        return questions
    asked_there = [question for question in questions if question.extension == extension]
    if asked_there or said.is_yes or extension.startswith((Extension.CONFIRMATION, Extension.CARE)):
        return asked_there
    return questions
