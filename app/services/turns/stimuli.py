"""What waits for a turn, as stimuli, and in which order they are handled."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.db.inbox import StoredMessage
from app.db.timers import StoredTimer
from app.domain.policy import ProviderTraits
from app.domain.turn import Stimulus, TextReceived, TimerDue
from app.services.sealing import Sealer
from app.services.turns.unit_of_work import PendingAccount, Waiting


class Stimuli:
    """Makes stimuli, each with the carrier of whatever is answered to it."""

    def __init__(self, sealer: Sealer, carriers: Mapping[str, ProviderTraits], default: ProviderTraits) -> None:
        """``carriers``: by the provider that a message came from; the default one for all else."""
        self._sealer = sealer
        self._carriers = carriers
        self._default = default

    def received(self, row: StoredMessage) -> Waiting:
        """A message of hers, unmasked."""
        stimulus = TextReceived(
            id=row.id,
            dialled=row.dialled,
            text=self._sealer.original(row.text, row.sealed),
            shown_text=row.text,
            sent_at=row.sent_at,
            kept=row.due_at > row.stored_at,
            missing=row.missing or 0,
            stamped_at=row.stamped_at,
            stored_at=row.stored_at,
        )
        return Waiting(stimulus, row.sent_at, self._carriers.get(row.provider, self._default), row)

    def fell_due(self, row: StoredTimer) -> Waiting:
        """A timer."""
        return Waiting(TimerDue(row.kind, row.subject, row.due_at, row.data), row.due_at, self._default, row)

    def called(self, stimulus: Stimulus, now: datetime) -> Waiting:
        """A management call."""
        return Waiting(stimulus, now, self._default)


def line_up(entries: Mapping[str, PendingAccount], messages: Sequence[Waiting], due: Sequence[Waiting]) -> None:
    """Queue stimuli: messages as they were stored, timers between them by their time.

    Of two at one instant the message goes first, as windows include their last instant.
    """
    per_number: dict[str, tuple[list[Waiting], list[Waiting]]] = {msisdn: ([], []) for msisdn in entries}
    for index, group in enumerate((messages, due)):
        for waiting in group:
            if waiting.source is not None:
                per_number[waiting.source.msisdn][index].append(waiting)
    for msisdn, (texts, falling) in per_number.items():
        queue = entries[msisdn].queue
        for text in texts:
            while falling and falling[0].at < text.at:
                queue.append(falling.pop(0))
            queue.append(text)
        queue.extend(falling)
