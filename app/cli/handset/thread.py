"""The handset's view of its thread: which messages and status changes to print, each once, and when."""

from dataclasses import dataclass, field

from app.cli.handset.simulator import Message
from app.domain.messages import OutboundStatus, is_final

ACCESS_NUMBER = "10086"
# Delivery reports usually arrive within this time. Waiting for them saves a second line for the status.
_STATUS_WAIT_SECONDS = 0.4


def is_settled(message: Message) -> bool:
    """Return True if the message's status cannot change any more."""
    if not message.incoming:
        return True
    try:
        return is_final(OutboundStatus(message.status))
    except ValueError:  # a gateway of another release
        return False


@dataclass(frozen=True, slots=True)
class DisplayItem:
    """Something to print: a message, or, if ``is_update``, the new status of one that was printed before."""

    message: Message
    is_update: bool


@dataclass
class Thread:
    """The messages to print, in order of arrival. ``to`` is the number to write to: the last one that wrote."""

    to: str = ACCESS_NUMBER
    _pending: dict[str, tuple[Message, float]] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    def update(self, message: Message, now: float) -> None:
        """Add a message or its new status; ``now`` is monotonic time in seconds."""
        if self._shown.get(message.id) == message.status:
            return
        if message.incoming and message.id not in self._shown:
            self.to = message.sender
        arrived_at = self._pending[message.id][1] if message.id in self._pending else now
        self._pending[message.id] = (message, arrived_at)

    def ready(self, now: float, *, everything: bool = False) -> list[DisplayItem]:
        """Return what is to be printed now, in order of arrival; ``everything``: without waiting for final statuses."""
        found: list[DisplayItem] = []
        for message, arrived_at in list(self._pending.values()):
            if not (everything or is_settled(message) or now - arrived_at >= _STATUS_WAIT_SECONDS):
                break
            del self._pending[message.id]
            found.append(DisplayItem(message, is_update=message.id in self._shown))
            self._shown[message.id] = message.status
        return found

    def wait_seconds(self, now: float) -> float | None:
        """Return the seconds until the next message is due without a final status; None if none is pending."""
        return next(
            (max(0.0, arrived_at + _STATUS_WAIT_SECONDS - now) for _, arrived_at in self._pending.values()), None
        )

    def clear(self) -> None:
        """Forget all messages and the number to write to, after a reset of the gateway."""
        self._pending.clear()
        self._shown.clear()
        self.to = ACCESS_NUMBER
