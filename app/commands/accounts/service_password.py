"""XGMM: change the service password (flows.md 11; safety.md 28)."""

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
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import replace, value

_TRIES = "password-tries"
_DAY = timedelta(days=1)
_JOINTS = re.compile(r"[#*]+")
_GROUPS = 3


@value
class _PasswordChange:
    """What she sent: the old password, and the new one, twice."""

    old: str
    new: str
    again: str

    @property
    def has_form(self) -> bool:
        return all(map(is_six_digits, (self.old, self.new, self.again)))


def _change_in(argument: str) -> _PasswordChange | None:
    """The three groups, joined by ``#`` (also ``*``) or by white space alone; None if there are not three."""
    joined = _JOINTS.search(argument)
    groups = ["".join(group.split()) for group in _JOINTS.split(argument)] if joined else argument.split()
    groups = [group for group in groups if group]
    return _PasswordChange(*groups) if len(groups) == _GROUPS else None


def _objection(change: _PasswordChange | None, msisdn: str) -> Text | None:
    if change is None or not change.has_form:
        return texts.FORMAT
    if change.new != change.again:
        return texts.DIFFERENT
    return texts.EASY if is_easy(change.new, msisdn) else None


@command(CHANGE_PASSWORD, takes=Takes.ANYTHING, menu=texts.HELP, rank=80, reads=(PasswordTries,))
def change_password(turn: Turn, argument: str) -> Outcome:
    """Change it if the old one is right; a third wrong one locks this until the next day in Shanghai.

    The first pass counts a try, the second one knows whether the old password was right.
    """
    language, received, known = turn.account.language, turn.stimulus_as(TextReceived), turn.subscriber.password_hash
    if known is None:
        return _unchanged(turn, texts.NONE_YET.say(language))
    today = local_day(turn.now)
    held = turn.account.record(PasswordTries, _TRIES) or PasswordTries(_TRIES, turn.now, today.isoformat())
    tries = held.on_day(today)
    if tries.count_besides(received.id) >= MOST_WRONG:
        return _unchanged(turn, texts.locked(language, turn.now + _DAY))
    change = _change_in(argument)
    objection = _objection(change, turn.account.msisdn)
    if change is None or objection is not None:
        return _unchanged(turn, (objection or texts.FORMAT).say(language))
    checked = turn.password_result
    if checked is None or checked.known_hash != known or received.id not in tries.messages:
        return Outcome(awaits_password=PasswordCheck(known, change.old, change.new, tries.with_message(received.id)))
    if checked.new_hash is None:
        left = MOST_WRONG - len(tries.messages)
        return _unchanged(turn, texts.wrong(language, left, turn.now + _DAY), verdict="wrong password")
    return _changed(turn, checked.new_hash, replace(tries, messages=()))


def _unchanged(turn: Turn, text: str, verdict: str = "password not changed") -> Outcome:
    return Outcome(replies=(say(turn, text),), verdict=verdict)


def _changed(turn: Turn, new_hash: str, tries: PasswordTries) -> Outcome:
    """With evidence of the change, in which no password stands: the text is the masked one."""
    received = turn.stimulus_as(TextReceived)
    payload = {"who": f"mo:{received.id}", "asked": None, "answer": received.shown_text}
    return Outcome(
        replies=(say(turn, texts.CHANGED.say(turn.account.language), kind=MessageClass.RESULT),),
        subscriber=replace(turn.subscriber, password_hash=new_hash),
        records=(tries,),
        evidence=(EvidenceDraft("password-changed", turn.account.msisdn, payload),),
        verdict="password changed",
    )
