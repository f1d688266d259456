"""Builders of replies: split into messages, signed, in the subscriber's language."""

from datetime import datetime
from functools import partial

from app.domain.dialogue import Question
from app.domain.matters import Matter
from app.domain.messages import MessageClass, Reply
from app.domain.segments import Passage, paginate
from app.domain.service_numbers import Extension
from app.domain.texts import wording
from app.domain.turn import Turn


def say(
    turn: Turn,
    *pieces: str,
    extension: str = Extension.COMMANDS,
    kind: MessageClass = MessageClass.REPLY,
    question_id: str | None = None,
    about: Matter | None = None,
    notify: bool = False,
    any_hour: bool = False,
    valid_until: datetime | None = None,
) -> Reply:
    """Return a reply of as many messages as its pieces need; a piece is never split. See ``Reply`` for the options."""
    sign = partial(turn.policy.sign_off.sign, turn.account.language)
    messages = paginate(Passage(pieces), sign, turn.policy.menu_max_segments)
    return Reply(
        messages, extension, kind, question_id, about, notify=notify, any_hour=any_hour, valid_until=valid_until
    )


def menu_lines(turn: Turn) -> str:
    """Return the lines of the menu, the most common command first."""
    language = turn.account.language
    return wording.matters(language, [line.say(language) for line in turn.policy.menu])


def shown(*replies: Reply) -> str:
    """Return the exact text of some replies, for the evidence."""
    return "\n".join(message for reply in replies for message in reply.messages)


def extension_of(turn: Turn, question: Question) -> str:
    """Return the extension that a question came from; none with a provider that has a single number."""
    return Extension.COMMANDS if turn.provider.single_number else question.extension


def number_of(turn: Turn, question: Question) -> str:
    """Return the number that answers to a question are sent to."""
    return turn.policy.numbers.number(extension_of(turn, question))
