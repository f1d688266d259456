"""Erasure of closed tenures on request; their chains of evidence stay verifiable (flows.md 13; safety.md 27)."""

from datetime import UTC
from functools import partial

from sqlalchemy import Connection

from app.db import directory as reading
from app.db import erasure, evidence, idempotency, payloads, records
from app.db.session import Database
from app.db.state import current_state
from app.domain.evidence import ERASED, EvidenceDraft
from app.domain.heads import HeadKeys
from app.domain.policy import RetentionPeriods
from app.domain.refusals import RefusalReason
from app.services.refusals import RefusedError
from app.services.sealing import Sealer
from app.services.upkeep.chains import extend


class Erasure:
    """Erases closed tenures whose retention is over."""

    def __init__(self, database: Database, kept: RetentionPeriods, sealer: Sealer) -> None:
        self._database = database
        self._kept = kept
        self._sealer = sealer

    async def erase(self, msisdn: str, tenure: int, who: str, reason: str) -> None:
        """Erase a closed tenure: its texts, payloads, salts, subscriptions and records.

        The chain of hashes stays, and a record ``erased`` names ``who`` and the ``reason``. Raise RefusedError
        without such a tenure, while it is in use, within its retention, or while something of it is unsettled.
        """
        draft = EvidenceDraft(ERASED, msisdn, {"who": who, "reason": reason})
        work = partial(_erase, msisdn=msisdn, tenure=tenure, kept=self._kept, heads=self._sealer.heads, draft=draft)
        await self._database.write(work)


def _erase(
    connection: Connection, *, msisdn: str, tenure: int, kept: RetentionPeriods, heads: HeadKeys, draft: EvidenceDraft
) -> None:
    now = current_state(connection).now
    subscriber = reading.tenure_of(connection, msisdn, tenure)
    if subscriber is None:
        raise RefusedError(RefusalReason.UNKNOWN, "There is no such tenure of this number.")
    if subscriber.closed_at is None:
        raise RefusedError(RefusalReason.TENURE_IN_USE)
    kept_until = subscriber.closed_at + kept.evidence
    if now < kept_until:
        raise RefusedError(
            RefusalReason.CONFLICT,
            f"Its evidence is kept until {kept_until.astimezone(UTC):%Y-%m-%d}; erase it after that.",
        )
    for kind in records.KINDS:
        if any(found.record.needs_settling for found in records.of_number(connection, kind, msisdn, tenure)):
            raise RefusedError(RefusalReason.CONFLICT, f"A {kind.__name__.lower()} of this tenure is not settled yet.")
    seqs = [item.seq for item in evidence.chain_of(connection, msisdn, tenure) if item.payload is not None]
    payloads.drop_payloads(connection, msisdn, tenure, seqs)
    erasure.drop_from_campaigns(connection, subscriber)
    erasure.drop_personal(connection, msisdn, tenure)
    idempotency.drop_answers(connection, msisdn)
    extend(connection, heads, msisdn, tenure, draft)
