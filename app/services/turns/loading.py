"""What turns are handed, loaded for a whole batch at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.commands.router import Router
from app.db import accounts, arrivals, evidence, records
from app.db.accounts import LockedConversation, LookBack
from app.domain.account import Account
from app.domain.evidence import ChainHead
from app.domain.records import Record  # noqa: TC001  an annotation like any other here
from app.domain.service_numbers import ServiceNumbers
from app.domain.turn import Stimulus, TextReceived
from app.services.turns.account_cache import AccountCache, as_loaded, uncertain
from app.services.turns.codec import AccountCodec
from app.services.turns.unit_of_work import PendingAccount

Wanted = Sequence[tuple[PendingAccount, Stimulus]]


def _entry(item: LockedConversation, account: Account, chain: ChainHead) -> PendingAccount:
    return PendingAccount(item, account, chain, known_questions=frozenset(account.questions))


class Loading:
    """Loads accounts, and beside them what each stimulus needs of records and evidence."""

    def __init__(self, router: Router, codec: AccountCodec, numbers: ServiceNumbers) -> None:
        self._router = router
        self._codec = codec
        self._numbers = numbers
        self._cache = AccountCache()

    def entries(
        self, connection: Connection, locked: Sequence[LockedConversation], back: LookBack
    ) -> dict[str, PendingAccount]:
        """The basic accounts of locked numbers, as far back as that."""
        known = self._cache.get(locked)
        reached = accounts.question_arrivals(connection, uncertain(known.values()))
        loaded = self.loaded(connection, [item for item in locked if item.msisdn not in known], back)
        entries: dict[str, PendingAccount] = {}
        for item in locked:
            found = known.get(item.msisdn)
            if found is None:
                entries[item.msisdn] = loaded[item.msisdn]
            else:
                entries[item.msisdn] = _entry(item, as_loaded(found.account, reached, back), found.chain)
        return entries

    def loaded(
        self, connection: Connection, locked: Sequence[LockedConversation], back: LookBack
    ) -> dict[str, PendingAccount]:
        """The same, whatever is remembered."""
        tenures = [(item.bucket, item.msisdn, item.tenure) for item in locked if item.tenure]
        stored = accounts.load_accounts(connection, tenures, back)
        entries: dict[str, PendingAccount] = {}
        for item in locked:
            found = stored.get((item.bucket, item.msisdn))
            entries[item.msisdn] = _entry(item, self._codec.account(item, found), found.chain if found else ChainHead())
        return entries

    def remember(self, version: str, changed: Iterable[PendingAccount]) -> None:
        """Keep what a batch has written for the turns that follow."""
        self._cache.keep(version, [(entry.account, entry.chain) for entry in changed])

    def complete(self, connection: Connection, wanted: Wanted, back: LookBack) -> None:
        """Put into the accounts what these stimuli read beside the basic account, as far back as that."""
        self._add_records(connection, wanted, back.records)
        self._add_evidence(connection, wanted)
        _add_arrivals(connection, wanted, self._numbers.access)

    def _add_records(self, connection: Connection, wanted: Wanted, since: datetime) -> None:
        missing: dict[type[Record], dict[str, PendingAccount]] = defaultdict(dict)
        for entry, stimulus in wanted:
            reads = self._router.reads(stimulus, self._numbers)
            for kind in records.KINDS if reads is None else reads:
                if kind not in entry.account.records:
                    missing[kind][entry.account.msisdn] = entry
        for kind, entries in missing.items():
            tenures = [(entry.bucket, msisdn, entry.tenure) for msisdn, entry in entries.items()]
            found = records.load(connection, kind, tenures, since)
            for msisdn, entry in entries.items():
                # What earlier turns of the batch made is not in the database yet.
                known = {**found.get(msisdn, {}), **entry.unsaved.get(kind, {})}
                entry.account = entry.account.with_records({kind: known})

    def _add_evidence(self, connection: Connection, wanted: Wanted) -> None:
        subjects: list[tuple[int, str, int, str]] = []
        for entry, stimulus in wanted:
            needs = self._router.needs(stimulus, entry.account, self._numbers)
            subjects += [(entry.bucket, entry.account.msisdn, entry.tenure, need.subject) for need in needs]
        if not subjects:
            return
        found = evidence.evidence_about(connection, subjects)
        for entry, _ in wanted:
            mine = tuple(record for record in found if record.msisdn == entry.account.msisdn)
            entry.account = entry.account.with_evidence(mine)


def _add_arrivals(connection: Connection, wanted: Wanted, access_number: str) -> None:
    """How far the questions got that a text may answer, and what else went to her since (safety.md 6)."""
    asked: list[arrivals.QuestionKey] = []
    answering: list[PendingAccount] = []
    for entry, stimulus in wanted:
        if not isinstance(stimulus, TextReceived):
            continue
        waiting = [
            question.id
            for question in entry.account.questions.values()
            if question.state.must_reach and question.closed_at is None
        ]
        if waiting:
            asked += [(entry.bucket, entry.account.msisdn, id_) for id_ in waiting]
            answering.append(entry)
    if not asked:
        return
    found = arrivals.arrivals(connection, asked)
    interrupted = frozenset(arrivals.interrupted(connection, asked, access_number))
    for entry in answering:
        entry.account = entry.account.with_arrivals(found, interrupted)
