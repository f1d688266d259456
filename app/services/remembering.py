"""Accounts as their last turns left them, so that the next message of a dialogue need not load them anew (ADR 16)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock

from app.db.accounts import ItemKey, LockedConversation
from app.domain.account import Account, Subscription, SubscriptionState
from app.domain.dialogue import ClosedAs, Question
from app.domain.evidence import ChainHead
from app.domain.msisdn import bucket_of
from app.domain.values import replace, value

_MOST = 5000
Reached = Mapping[str, tuple[datetime | None, datetime | None]]


@value
class Known:
    """An account with the head of its evidence chain, as the batch ``version`` wrote it."""

    version: str
    account: Account
    chain: ChainHead


class AccountMemory:
    """The accounts that were changed last, some thousand.

    Right whoever else writes to the database, and also when a batch is rolled back: an account is used only where the
    conversation's row, which is locked, still names the very batch that it was kept for.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[str, Known] = {}
        self._lock = Lock()

    def keep(self, version: str, accounts: Iterable[tuple[Account, ChainHead]]) -> None:
        """Remember what a batch made of some accounts."""
        kept = {account.msisdn: Known(version, _bare(account), chain) for account, chain in accounts}
        with self._lock:
            for msisdn in kept:
                self._known.pop(msisdn, None)  # a place at the end: those unchanged for longest go first
            self._known |= kept
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]

    def recall(self, locked: Iterable[LockedConversation], since: datetime) -> dict[str, Known]:
        """What is known of locked numbers, as if it had been loaded; what ended before ``since`` is left out."""
        with self._lock:
            found = {item.msisdn: self._known.get(item.msisdn) for item in locked if item.version is not None}
        versions = {item.msisdn: item.version for item in locked}
        return {
            msisdn: _since(known, since)
            for msisdn, known in found.items()
            if known is not None and known.version == versions[msisdn]
        }


def uncertain(known: Iterable[Known]) -> list[ItemKey]:
    """The questions of which more may be known by now: delivery writes to them without a turn."""
    return [
        (bucket_of(one.account.msisdn), one.account.msisdn, question.id)
        for one in known
        for question in one.account.questions.values()
        if question.failed_at is None
    ]


def with_reached(account: Account, reached: Reached) -> Account:
    """The account with what delivery has written to its questions."""
    changed = {
        question.id: replace(question, handed_over_at=handed, failed_at=failed)
        for question in account.questions.values()
        for handed, failed in [reached.get(question.id, (question.handed_over_at, question.failed_at))]
        if handed != question.handed_over_at or failed != question.failed_at
    }
    return replace(account, questions={**account.questions, **changed}) if changed else account


def _bare(account: Account) -> Account:
    """What is loaded for every turn, in the order in which it is loaded."""
    questions = account.questions.values()
    return Account(
        account.msisdn,
        account.subscriber,
        {item.id: item for item in sorted(account.subscriptions.values(), key=_id)},
        {item.id: item for item in sorted(questions, key=_id) if item.closed_as in (None, ClosedAs.ANSWERED)},
        account.guards,
    )


def _id(item: Subscription | Question) -> str:
    return item.id


def _since(known: Known, since: datetime) -> Known:
    account = known.account
    subscriptions = {key: item for key, item in account.subscriptions.items() if not _is_past(item, since)}
    questions = {key: item for key, item in account.questions.items() if item.expires_at >= since}
    if len(subscriptions) == len(account.subscriptions) and len(questions) == len(account.questions):
        return known
    return replace(known, account=replace(account, subscriptions=subscriptions, questions=questions))


def _is_past(item: Subscription, since: datetime) -> bool:
    return item.state is SubscriptionState.ENDED and (item.ends_at is None or item.ends_at < since)
