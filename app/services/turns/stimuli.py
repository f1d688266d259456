"""Stimuli made from messages, timers and management calls, and the order in which they are handled."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.db.inbox import StoredMessage
from app.db.timers import StoredTimer
from app.domain.policy import ProviderTraits
from app.domain.turn import Stimulus, TextReceived, TimerDue
from app.services.sealing import Sealer
from app.services.turns.pending import PendingAccount, QueuedStimulus


class StimulusFactory:
    """Makes stimuli, each with the provider that its replies go to."""

    def __init__(self, sealer: Sealer, carriers: Mapping[str, ProviderTraits], default: ProviderTraits) -> None:
        """``carriers``: by the name of the provider that a message came from; ``default``: for all other stimuli."""
        self._sealer = sealer
        self._carriers = carriers
        self._default = default

    def from_message(self, row: StoredMessage) -> QueuedStimulus:
        """Return the stimulus of a message, with its original text in place of the masked one."""
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
        return QueuedStimulus(stimulus, row.sent_at, self._carriers.get(row.provider, self._default), row)

    def from_timer(self, row: StoredTimer) -> QueuedStimulus:
        """Return the stimulus of a timer that is due."""
        return QueuedStimulus(TimerDue(row.kind, row.subject, row.due_at, row.data), row.due_at, self._default, row)

    def from_call(self, stimulus: Stimulus, now: datetime) -> QueuedStimulus:
        """Return the stimulus of a management call made at ``now`` (UTC)."""
        return QueuedStimulus(stimulus, now, self._default)


def queue_stimuli(
    entries: Mapping[str, PendingAccount], messages: Sequence[QueuedStimulus], timers: Sequence[QueuedStimulus]
) -> None:
    """Append stimuli to the queues of their numbers: messages in the order of storing, timers between them by time.

    Of a message and a timer at the same instant the message goes first, as windows include their last instant.
    """
    per_number: dict[str, tuple[list[QueuedStimulus], list[QueuedStimulus]]] = {msisdn: ([], []) for msisdn in entries}
    for index, group in enumerate((messages, timers)):
        for queued in group:
            if queued.source is not None:
                per_number[queued.source.msisdn][index].append(queued)
    for msisdn, (own_messages, own_timers) in per_number.items():
        queue = entries[msisdn].queue
        for message in own_messages:
            while own_timers and own_timers[0].at < message.at:
                queue.append(own_timers.pop(0))
            queue.append(message)
        queue.extend(own_timers)
