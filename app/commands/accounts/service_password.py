"""Change of the service password by SMS, XGMM (flows.md 11; safety.md 28)."""

import re
from datetime import timedelta

from app.commands.registry import Takes, command
from app.commands.replies import say
from app.commands.vocabulary import CHANGE_PASSWORD
from app.domain.calendar import local_day
from app.domain.evidence import EvidenceDraft
from app.domain.messages import MessageClass
from app.domain.passwords import MOST_WRONG, PasswordCheck, PasswordTries, is_easy, is_six_digits
from app.domain.texts import passwords as texts
from app.domain.texts.wording import Text
from app.domain.turn import AwaitPassword, Outcome, TextReceived, Turn
from app.domain.values import replace, value

_TRIES = "password-tries"
_DAY = timedelta(days=1)
_SEPARATORS = re.compile(r"[#*]+")
_GROUPS = 3


@value
class _PasswordChange:
    """The groups of an XGMM text: the old password, and the new one twice."""

    old: str
    new: str
    again: str

    @property
    def has_form(self) -> bool:
        return all(map(is_six_digits, (self.old, self.new, self.again)))


def _parse_change(argument: str) -> _PasswordChange | None:
    """Parse three groups separated by ``#`` or ``*``, else by white space; None if there are not three."""
    separator = _SEPARATORS.search(argument)
    groups = ["".join(group.split()) for group in _SEPARATORS.split(argument)] if separator else argument.split()
    groups = [group for group in groups if group]
    return _PasswordChange(*groups) if len(groups) == _GROUPS else None


def _form_violation(change: _PasswordChange | None, msisdn: str) -> Text | None:
    if change is None or not change.has_form:
        return texts.FORMAT
    if change.new != change.again:
        return texts.DIFFERENT
    return texts.EASY if is_easy(change.new, msisdn) else None


@command(CHANGE_PASSWORD, takes=Takes.ANYTHING, menu=texts.HELP, rank=80, reads=(PasswordTries,))
def change_password(turn: Turn, argument: str) -> Outcome | AwaitPassword:
    """Change the password if the old one is right; three wrong ones block changes until the next day in Shanghai.

    This runs twice for a text: the first pass counts the try and requests a check of the old password, the second
    pass has its result.
    """
    language, received = turn.account.language, turn.stimulus_as(TextReceived)
    known_hash = turn.subscriber.password_hash
    if known_hash is None:
        return _unchanged(turn, texts.NONE_YET.say(language))
    today = local_day(turn.now)
    recorded = turn.account.record(PasswordTries, _TRIES) or PasswordTries(_TRIES, turn.now, today.isoformat())
    tries = recorded.on_day(today)
    if tries.count_besides(received.id) >= MOST_WRONG:
        return _unchanged(turn, texts.locked(language, turn.now + _DAY))
    change = _parse_change(argument)
    violation = _form_violation(change, turn.account.msisdn)
    if change is None or violation is not None:
        return _unchanged(turn, (violation or texts.FORMAT).say(language))
    checked = turn.password_result
    if checked is None or checked.known_hash != known_hash or received.id not in tries.messages:
        return AwaitPassword(PasswordCheck(known_hash, change.old, change.new, tries.with_message(received.id)))
    if checked.new_hash is None:
        left = MOST_WRONG - len(tries.messages)
        return _unchanged(turn, texts.wrong(language, left, turn.now + _DAY), verdict="wrong password")
    return _changed(turn, checked.new_hash, replace(tries, messages=()))


def _unchanged(turn: Turn, text: str, verdict: str = "password not changed") -> Outcome:
    return Outcome(replies=(say(turn, text),), verdict=verdict)


def _changed(turn: Turn, new_hash: str, tries: PasswordTries) -> Outcome:
    """Return the change with its evidence, which holds the masked text and no password."""
    received = turn.stimulus_as(TextReceived)
    payload = {"who": received.actor, "asked": None, "answer": received.shown_text}
    return Outcome(
        replies=(say(turn, texts.CHANGED.say(turn.account.language), kind=MessageClass.RESULT),),
        subscriber=replace(turn.subscriber, password_hash=new_hash),
        records=(tries,),
        evidence=(EvidenceDraft("password-changed", turn.account.msisdn, payload),),
        verdict="password changed",
    )
