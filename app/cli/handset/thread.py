"""What the handset shows of its thread: each message once, and what becomes of it."""

from dataclasses import dataclass, field

from app.cli.handset.simulator import Message
from app.domain.messages import OutboundStatus, is_final

ACCESS_NUMBER = "10086"
# A message is nearly always delivered a blink after it was taken: showing it with its tick spares a second line.
_STATUS_WAIT_SECONDS = 0.4


def is_settled(message: Message) -> bool:
    """Whether its status cannot change any more."""
    if not message.incoming:
        return True
    try:
        return is_final(OutboundStatus(message.status))
    except ValueError:  # a gateway of another release
        return False


@dataclass(frozen=True, slots=True)
class DisplayItem:
    """Something to show: a message, or (``is_update``) what became of one that was shown before."""

    message: Message
    is_update: bool


@dataclass
class Thread:
    """The messages that came in, in order, and whom the handset writes to: the number that wrote last."""

    to: str = ACCESS_NUMBER
    _pending: dict[str, tuple[Message, float]] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    def update(self, message: Message, now: float) -> None:
        """Take a message, new or with a new status, at a time of the machine's monotonic clock."""
        if self._shown.get(message.id) == message.status:
            return
        if message.incoming and message.id not in self._shown:
            self.to = message.sender
        arrived_at = self._pending[message.id][1] if message.id in self._pending else now
        self._pending[message.id] = (message, arrived_at)

    def ready(self, now: float, *, everything: bool = False) -> list[DisplayItem]:
        """What is to be shown now, in the order in which it came; ``everything``: without waiting for ticks."""
        found: list[DisplayItem] = []
        for message, arrived_at in list(self._pending.values()):
            if not (everything or is_settled(message) or now - arrived_at >= _STATUS_WAIT_SECONDS):
                break
            del self._pending[message.id]
            found.append(DisplayItem(message, is_update=message.id in self._shown))
            self._shown[message.id] = message.status
        return found

    def wait_seconds(self, now: float) -> float | None:
        """How long until the next is shown even without its tick; None if nothing waits."""
        return next(
            (max(0.0, arrived_at + _STATUS_WAIT_SECONDS - now) for _, arrived_at in self._pending.values()), None
        )

    def clear(self) -> None:
        """There was a reset: the thread begins anew."""
        self._pending.clear()
        self._shown.clear()
        self.to = ACCESS_NUMBER
