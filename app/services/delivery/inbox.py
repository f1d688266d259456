"""The inbox of one provider: what its adapter hears from the carrier is stored, and only then acknowledged."""

import asyncio
from collections.abc import Sequence

from app.db.binds import Slot
from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.msisdn import parse_sender
from app.domain.values import replace
from app.services.delivery.receipts import Receipts
from app.services.delivery.slots import Slots
from app.services.intake import Intake, Source


class ProviderInbox:
    """Stores the messages and reports of one provider. The calls that store return after the commit."""

    def __init__(self, source: Source, intake: Intake, receipts: Receipts, slots: Slots) -> None:
        self._slots = slots
        self._source = source
        self._intake = intake
        self._receipts = receipts

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        """Store messages in this order; return their ids and whether each is new.

        Raise StorageUnavailableError if none of them was stored.
        """
        return await self._intake.store(self._source, found) if found else ()

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        """Store reports; return for each whether it has an effect, as its message and its status are known.

        Raise StorageUnavailableError if one was not stored.
        """
        numbers, provider = self._source.numbers, self._source.provider
        plain = [
            report if report.sent_to is None else replace(report, sent_to=parse_sender(report.sent_to, numbers) or "")
            for report in found
        ]
        return await asyncio.gather(*(self._receipts.store(provider, report) for report in plain))

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        """Note up to which message of a session the carrier has the answers (see ``Seen``)."""
        self._slots.confirm(Slot(self._source.provider, slot), epoch, sequence)
