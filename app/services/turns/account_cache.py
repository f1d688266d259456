"""Accounts as their last turns left them, so that the next message of a dialogue need not load them anew (ADR 16)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock

from app.db.accounts import ItemKey, LockedConversation, LookBack
from app.domain.account import Account
from app.domain.dialogue import RESPONDING, Question
from app.domain.evidence import ChainHead
from app.domain.msisdn import bucket_of
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.values import replace, value

_MOST = 5000
Reached = Mapping[str, tuple[datetime | None, datetime | None]]


@value
class CachedAccount:
    """An account with the head of its evidence chain, as the batch ``version`` left it."""

    version: str
    account: Account
    chain: ChainHead


class AccountCache:
    """The accounts that were changed last, some thousand.

    Right whoever else writes to the database, and also when a batch is rolled back: an account is used only where the
    conversation's row, which is locked, still names the very batch that it was kept for.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[str, CachedAccount] = {}
        self._lock = Lock()

    def keep(self, version: str, accounts: Iterable[tuple[Account, ChainHead]]) -> None:
        """Remember what a batch made of some accounts."""
        kept = {account.msisdn: CachedAccount(version, _light(account), chain) for account, chain in accounts}
        with self._lock:
            for msisdn in kept:
                self._known.pop(msisdn, None)  # a place at the end: those unchanged for longest go first
            self._known |= kept
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]

    def get(self, locked: Iterable[LockedConversation]) -> dict[str, CachedAccount]:
        """What is known of locked numbers."""
        with self._lock:
            found = [(item, self._known.get(item.msisdn)) for item in locked]
        return {item.msisdn: known for item, known in found if known is not None and known.version == item.version}


def uncertain(known: Iterable[CachedAccount]) -> list[ItemKey]:
    """The questions of which more may be known by now: delivery writes to them without a turn."""
    return [
        (bucket_of(one.account.msisdn), one.account.msisdn, question.id)
        for one in known
        for question in one.account.questions.values()
        if question.failed_at is None and question.closed_as in RESPONDING
    ]


def as_loaded(account: Account, reached: Reached, back: LookBack) -> Account:
    """What loading the account would give now: in the order of ids, without records, evidence and what is over."""
    subscriptions = [item for item in account.subscriptions.values() if not _is_past(item, back.subscriptions)]
    questions = [
        _with(item, reached)
        for item in account.questions.values()
        if item.expires_at >= back.questions and item.closed_as in RESPONDING
    ]
    subscriptions.sort(key=_id)
    questions.sort(key=_id)
    return Account(
        account.msisdn,
        account.subscriber,
        {item.id: item for item in subscriptions},
        {item.id: item for item in questions},
        account.limits,
    )


def _light(account: Account) -> Account:
    if not (account.records or account.evidence or account.arrivals or account.interrupted):
        return account
    return replace(account, records={}, evidence=(), arrivals={}, interrupted=frozenset())


def _with(question: Question, reached: Reached) -> Question:
    handed, failed = reached.get(question.id, (question.handed_over_at, question.failed_at))
    if handed == question.handed_over_at and failed == question.failed_at:
        return question
    return replace(question, handed_over_at=handed, failed_at=failed)


def _id(item: Subscription | Question) -> str:
    return item.id


def _is_past(item: Subscription, since: datetime) -> bool:
    return item.state is SubscriptionState.ENDED and (item.ends_at is None or item.ends_at < since)
