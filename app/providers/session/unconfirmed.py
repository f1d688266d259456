"""Messages whose answers the carrier may not have: it sends them again in a later session (carriers.md 5.6)."""

from collections import deque

from app.domain.messages import Seen

# Of one session without any confirmation; beyond that the oldest are not watched any more.
_MOST = 100_000


class Unconfirmed:
    """What one session stored and answered, until the carrier shows that it has the answers."""

    def __init__(self) -> None:
        self._stored: deque[tuple[int, Seen]] = deque(maxlen=_MOST)

    def __len__(self) -> int:
        return len(self._stored)

    def add(self, answer: int, seen: Seen) -> None:
        """Note a stored message, and which answer of the session is its, from 1."""
        self._stored.append((answer, seen))

    def confirm(self, answers: int) -> Seen | None:
        """Forget the messages of the first answers. Return the last of them; None if there was none left."""
        last = None
        while self._stored and self._stored[0][0] <= answers:
            _, last = self._stored.popleft()
        return last
