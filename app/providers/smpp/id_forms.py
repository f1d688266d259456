"""Finds out that a carrier writes its ids in another base in receipts than in answers (carriers.md 5.7)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from app import observability
from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.providers.base import Inbox
from app.providers.smpp.receipts import IdForm, id_of

_REMEMBERED = 10_000
_PAUSE_SECONDS = 3600.0
log = observability.logger(__name__)


class IdWatch:
    """Remembers the latest ids of answers, and compares receipts without a message with them."""

    def __init__(self, provider: str, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: monotonic seconds."""
        self._provider = provider
        self._clock = clock
        self._accepted: OrderedDict[str, None] = OrderedDict()
        self._silent_until = 0.0

    def accepted(self, theirs: str) -> None:
        """Remember the id of an answer."""
        self._accepted[theirs] = None
        if len(self._accepted) > _REMEMBERED:
            self._accepted.popitem(last=False)

    def unmatched(self, theirs: str) -> None:
        """Log, at most once an hour, the setting under which the id of a receipt without a message would fit."""
        if self._clock() < self._silent_until:
            return
        for submit, receipt, other in _otherwise(theirs):
            if other in self._accepted:
                self._silent_until = self._clock() + _PAUSE_SECONDS
                setting = f"message_ids: {{submit: {submit}, receipt: {receipt}}}"
                log.warning(
                    "receipts find no messages; another setting would fit", provider=self._provider, fits=setting
                )
                return


def _otherwise(theirs: str) -> Iterator[tuple[IdForm, IdForm, str]]:
    """Yield how an id would look in the other base: the forms in answers and in receipts, and the id in an answer."""
    as_hex, as_dec = id_of(theirs, IdForm.HEX), id_of(theirs, IdForm.DEC)
    if as_dec.isdecimal():
        yield IdForm.HEX, IdForm.DEC, f"{int(as_dec):x}"
    if as_hex != theirs and as_hex.isdecimal():
        yield IdForm.DEC, IdForm.HEX, as_hex


class WatchedInbox:
    """An inbox that tells the watch which receipts found no message."""

    def __init__(self, inbox: Inbox, watch: IdWatch) -> None:
        self._inbox = inbox
        self._watch = watch

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        """Store messages."""
        return await self._inbox.messages(found)

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        """Note which answers the carrier has."""
        self._inbox.confirm(slot, epoch, sequence)

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        """Store reports."""
        known = await self._inbox.reports(found)
        for report, has_message in zip(found, known, strict=True):
            if not has_message:
                self._watch.unmatched(report.provider_message_id)
        return known
