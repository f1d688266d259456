"""What the handset shows of its thread: each message once, and what becomes of it."""

from dataclasses import dataclass, field

from app.cli.handset.simulator import Message
from app.domain.messages import OutboundStatus, is_final

ACCESS_NUMBER = "10086"
# A message is nearly always delivered a blink after it was taken: showing it with its tick spares a second line.
_SETTLE_SECONDS = 0.4


def settled(message: Message) -> bool:
    """Whether its status cannot change any more."""
    if not message.incoming:
        return True
    try:
        return is_final(OutboundStatus(message.status))
    except ValueError:  # a gateway of another release
        return False


@dataclass(frozen=True, slots=True)
class Showing:
    """Something to show: a message, or (``again``) what became of one that was shown before."""

    message: Message
    again: bool


@dataclass
class Thread:
    """The messages that came in, in order, and whom the handset writes to: the number that wrote last."""

    to: str = ACCESS_NUMBER
    _waiting: dict[str, tuple[Message, float]] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    def take(self, message: Message, now: float) -> None:
        """Take a message, new or with a new status, at a time of the machine's monotonic clock."""
        if self._shown.get(message.id) == message.status:
            return
        if message.incoming and message.id not in self._shown:
            self.to = message.sender
        since = self._waiting[message.id][1] if message.id in self._waiting else now
        self._waiting[message.id] = (message, since)

    def ready(self, now: float, *, everything: bool = False) -> list[Showing]:
        """What is to be shown now, in the order in which it came; ``everything``: without waiting for ticks."""
        found: list[Showing] = []
        for message, since in list(self._waiting.values()):
            if not (everything or settled(message) or now - since >= _SETTLE_SECONDS):
                break
            del self._waiting[message.id]
            found.append(Showing(message, again=message.id in self._shown))
            self._shown[message.id] = message.status
        return found

    def wait_seconds(self, now: float) -> float | None:
        """How long until the next is shown even without its tick; None if nothing waits."""
        return next((max(0.0, since + _SETTLE_SECONDS - now) for _, since in self._waiting.values()), None)

    def forget(self) -> None:
        """There was a reset: the thread begins anew."""
        self._waiting.clear()
        self._shown.clear()
        self.to = ACCESS_NUMBER
