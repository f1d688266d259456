"""A cache of the accounts changed last, so that the next message of a dialogue does not load them anew (ADR 16)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock

from app.db.accounts import LookBack
from app.db.conversations import LockedConversation
from app.db.keys import ItemKey
from app.domain.account import Account
from app.domain.dialogue import RESPONDING, Question
from app.domain.evidence import ChainHead
from app.domain.msisdn import bucket_of
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.values import replace, value

# Some 5 KB each.
_MAX_ACCOUNTS = 2000
# By question id: when the network took all its messages, and when one of them failed (both UTC).
QuestionTimes = Mapping[str, tuple[datetime | None, datetime | None]]


@value
class CachedAccount:
    """An account and the head of its evidence chain, as the batch with the id ``version`` left them."""

    version: str
    account: Account
    chain: ChainHead


class AccountCache:
    """The accounts that were changed last, at most ``max_size`` of them.

    A cached account is used only if the conversation's row, which is locked, still names the batch that cached it. So
    the cache stays right when other processes write to the database and when a batch is rolled back.
    """

    def __init__(self, max_size: int = _MAX_ACCOUNTS) -> None:
        self._max_size = max_size
        self._accounts: dict[str, CachedAccount] = {}
        self._lock = Lock()

    def put(self, version: str, accounts: Iterable[tuple[Account, ChainHead]]) -> None:
        """Cache accounts as the batch ``version`` left them."""
        cached = {
            account.msisdn: CachedAccount(version, _without_extras(account), chain) for account, chain in accounts
        }
        with self._lock:
            for msisdn in cached:
                self._accounts.pop(msisdn, None)  # moves it to the end: the longest unchanged are evicted first
            self._accounts |= cached
            while len(self._accounts) > self._max_size:
                del self._accounts[next(iter(self._accounts))]

    def get(self, locked: Iterable[LockedConversation]) -> dict[str, CachedAccount]:
        """Return the cached accounts of locked numbers, by number; without those that were written since."""
        with self._lock:
            found = [(item, self._accounts.get(item.msisdn)) for item in locked]
        return {item.msisdn: cached for item, cached in found if cached is not None and cached.version == item.version}


def questions_to_refresh(cached: Iterable[CachedAccount]) -> list[ItemKey]:
    """Return the keys of cached questions whose rows may have changed: delivery updates them outside of turns."""
    return [
        (bucket_of(one.account.msisdn), one.account.msisdn, question.id)
        for one in cached
        for question in one.account.questions.values()
        if question.failed_at is None and question.closed_as in RESPONDING
    ]


def as_loaded(account: Account, times: QuestionTimes, back: LookBack) -> Account:
    """Return a cached account as the database would give it now.

    Its items are in the order of their ids, without those that ended before ``back``; ``times`` replaces the times of
    its questions.
    """
    subscriptions = [item for item in account.subscriptions.values() if not _ended_before(item, back.subscriptions)]
    questions = [
        _with_times(item, times)
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


def _without_extras(account: Account) -> Account:
    """Return the account without what is loaded only for the turns that read it."""
    if not (account.records or account.evidence or account.arrivals or account.interrupted):
        return account
    return replace(account, records={}, evidence=(), arrivals={}, interrupted=frozenset())


def _with_times(question: Question, times: QuestionTimes) -> Question:
    handed_over_at, failed_at = times.get(question.id, (question.handed_over_at, question.failed_at))
    if handed_over_at == question.handed_over_at and failed_at == question.failed_at:
        return question
    return replace(question, handed_over_at=handed_over_at, failed_at=failed_at)


def _id(item: Subscription | Question) -> str:
    return item.id


def _ended_before(item: Subscription, since: datetime) -> bool:
    return item.state is SubscriptionState.ENDED and (item.ends_at is None or item.ends_at < since)
