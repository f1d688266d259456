"""Loading of the accounts that turns are handed, for a whole batch at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from app.commands.orders.given_once import GIVEN_ONCE_IN
from app.commands.registry import ALL_RECORDS
from app.commands.router import Router
from app.db import accounts, arrivals, evidence, records
from app.db.accounts import LookBack
from app.db.conversations import LockedConversation
from app.db.keys import ItemKey
from app.domain.account import Account
from app.domain.evidence import ChainHead
from app.domain.records import Record  # noqa: TC001  an annotation like any other here
from app.domain.service_numbers import ServiceNumbers
from app.domain.turn import Stimulus, TextReceived
from app.domain.values import replace
from app.services.turns.account_cache import AccountCache, as_loaded, questions_to_refresh
from app.services.turns.codec import AccountCodec
from app.services.turns.pending import PendingAccount

# Questions can be answered for 7 days; the time that a message counts from may lie up to a day back (safety.md 21).
_QUESTIONS_BACK = timedelta(days=8)
_SUBSCRIPTIONS_BACK = GIVEN_ONCE_IN + timedelta(days=1)
# No message or timer needs older records that are closed. Management calls read all of them, as a call may be about
# any month: a charge that was taken years ago must not be taken again.
_RECORDS_BACK = timedelta(days=400)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVERYTHING = LookBack(_EPOCH, _EPOCH, _EPOCH)
StimuliByAccount = Sequence[tuple[PendingAccount, Stimulus]]


def look_back_from(now: datetime) -> LookBack:
    """Return how far back the accounts of messages and timers are loaded; ``now`` is in UTC."""
    return LookBack(now - _QUESTIONS_BACK, now - _SUBSCRIPTIONS_BACK, now - _RECORDS_BACK)


def _pending_account(item: LockedConversation, account: Account, chain: ChainHead) -> PendingAccount:
    return PendingAccount(item, account, chain, stored_questions=frozenset(account.questions))


class AccountLoader:
    """Loads accounts, and the records, evidence and arrivals that each stimulus reads."""

    def __init__(
        self, router: Router, codec: AccountCodec, numbers: ServiceNumbers, has_newer: Callable[[], bool]
    ) -> None:
        """``has_newer`` returns True while a process of a newer program may have written accounts."""
        self._has_newer = has_newer
        self._router = router
        self._codec = codec
        self._numbers = numbers
        self._cache = AccountCache()

    def load(
        self, connection: Connection, locked: Sequence[LockedConversation], back: LookBack
    ) -> dict[str, PendingAccount]:
        """Return the basic accounts of locked numbers, by number, from the cache where it has them.

        ``back`` says how far back questions and subscriptions are included.
        """
        cached = self._cache.get(locked)
        times = accounts.question_arrivals(connection, questions_to_refresh(cached.values()))
        loaded = self.load_uncached(connection, [item for item in locked if item.msisdn not in cached], back)
        entries: dict[str, PendingAccount] = {}
        for item in locked:
            found = cached.get(item.msisdn)
            if found is None:
                entries[item.msisdn] = loaded[item.msisdn]
            else:
                entries[item.msisdn] = _pending_account(item, as_loaded(found.account, times, back), found.chain)
        return entries

    def load_uncached(
        self, connection: Connection, locked: Sequence[LockedConversation], back: LookBack
    ) -> dict[str, PendingAccount]:
        """Do the same as ``load``, from the database alone."""
        tenures = [(item.bucket, item.msisdn, item.tenure) for item in locked if item.tenure]
        stored = accounts.load_accounts(connection, tenures, back)
        entries: dict[str, PendingAccount] = {}
        has_newer = self._has_newer()
        for item in locked:
            found = stored.get((item.bucket, item.msisdn))
            is_newer = found is not None and has_newer and not self._codec.can_read(found)
            readable = replace(found, questions=()) if found and is_newer else found
            entry = _pending_account(item, self._codec.account(item, readable), found.chain if found else ChainHead())
            entry.is_newer = is_newer
            entries[item.msisdn] = entry
        return entries

    def cache(self, version: str, changed: Iterable[PendingAccount]) -> None:
        """Cache the accounts that the batch ``version`` has written."""
        self._cache.put(version, [(entry.account, entry.chain) for entry in changed])

    def load_needs(self, connection: Connection, stimuli: StimuliByAccount, back: LookBack) -> None:
        """Add to the accounts what these stimuli read beside the basic account.

        ``back`` says how far back closed records are included.
        """
        self._add_records(connection, stimuli, back.records)
        self._add_evidence(connection, stimuli)
        _add_arrivals(connection, stimuli, self._numbers.access)

    def _add_records(self, connection: Connection, stimuli: StimuliByAccount, since: datetime) -> None:
        missing: dict[type[Record], dict[str, PendingAccount]] = defaultdict(dict)
        for entry, stimulus in stimuli:
            reads = self._router.reads(stimulus, self._numbers)
            for kind in records.KINDS if reads is ALL_RECORDS else reads:
                if kind not in entry.account.records:
                    missing[kind][entry.account.msisdn] = entry
        lacking: dict[str, PendingAccount] = {}
        added: dict[str, dict[type[Record], Mapping[str, Record]]] = defaultdict(dict)
        for kind, entries in missing.items():
            tenures = [(entry.bucket, msisdn, entry.tenure) for msisdn, entry in entries.items()]
            found = records.load(connection, kind, tenures, since)
            lacking |= entries
            for msisdn, entry in entries.items():
                # The records that earlier turns of the batch made are not in the database yet.
                added[msisdn][kind] = {**found.get(msisdn, {}), **entry.unsaved.get(kind, {})}
        for msisdn, entry in lacking.items():
            entry.account = entry.account.with_records(added[msisdn])

    def _add_evidence(self, connection: Connection, stimuli: StimuliByAccount) -> None:
        subjects: list[tuple[int, str, int, str]] = []
        for entry, stimulus in stimuli:
            needs = self._router.needs(stimulus, entry.account, self._numbers)
            subjects += [(entry.bucket, entry.account.msisdn, entry.tenure, need.subject) for need in needs]
        if not subjects:
            return
        found = evidence.evidence_about(connection, subjects)
        for entry, _ in stimuli:
            own = tuple(record for record in found if record.msisdn == entry.account.msisdn)
            entry.account = entry.account.with_evidence(own)


def _waiting_for_arrival(entry: PendingAccount) -> list[ItemKey]:
    """Return the keys of the open questions whose answer counts only once they reached the subscriber."""
    account = entry.account
    open_questions = (item for item in account.questions.values() if item.state.must_reach and item.closed_at is None)
    return [(entry.bucket, account.msisdn, item.id) for item in open_questions]


def _add_arrivals(connection: Connection, stimuli: StimuliByAccount, access_number: str) -> None:
    """Add how far the questions that a text may answer got, and which were followed by other texts (safety.md 6)."""
    texts = (entry for entry, stimulus in stimuli if isinstance(stimulus, TextReceived))
    answering = [(entry, keys) for entry in texts if (keys := _waiting_for_arrival(entry))]
    asked = [key for _, keys in answering for key in keys]
    if not asked:
        return
    found = arrivals.arrivals(connection, asked)
    interrupted = frozenset(arrivals.interrupted(connection, asked, access_number))
    for entry, _ in answering:
        entry.account = entry.account.with_arrivals(found, interrupted)
