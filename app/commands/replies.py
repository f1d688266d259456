"""Making replies: pages of the right length, signed, in the subscriber's language."""

from datetime import datetime

from app.domain.dialogue import Question
from app.domain.messages import MessageClass, Reply
from app.domain.segments import Passage, paginate
from app.domain.service_numbers import Extension
from app.domain.texts import wording
from app.domain.texts.wording import SIGN_OFF
from app.domain.turn import Turn


def say(
    turn: Turn,
    *pieces: str,
    extension: str = Extension.COMMANDS,
    kind: MessageClass = MessageClass.REPLY,
    question_id: str | None = None,
    about: str | None = None,
    notify: bool = False,
    any_hour: bool = False,
    valid_until: datetime | None = None,
) -> Reply:
    """A reply in pieces that are never cut; it takes as many messages as it needs."""
    messages = paginate(Passage(pieces), SIGN_OFF.say(turn.account.language), turn.policy.menu_max_segments)
    return Reply(
        messages, extension, kind, question_id, about, notify=notify, any_hour=any_hour, valid_until=valid_until
    )


def menu_lines(turn: Turn) -> str:
    """What can be sent, commonest first."""
    language = turn.account.language
    return wording.clauses(language, [line.say(language) for line in turn.policy.menu])


def shown(*replies: Reply) -> str:
    """The exact words of some replies, for the evidence of what was asked."""
    return "\n".join(message for reply in replies for message in reply.messages)


def asked_from(turn: Turn, question: Question) -> str:
    """The extension that a question came from: none with a provider that has one number only."""
    return Extension.COMMANDS if turn.provider.single_number else question.extension


def number_of(turn: Turn, question: Question) -> str:
    """The number that a question is answered to."""
    return turn.policy.numbers.number(asked_from(turn, question))
