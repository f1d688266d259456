"""A gateway with a planted fault: ``python faulty.py dropped-reply serve …``."""

import sys
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from app.cli import main
from app.db.outbox import ClaimedMessage
from app.domain.service_numbers import Extension, ServiceNumbers
from app.providers.base import Accepted, SendResult
from app.providers.signatures import Signatures
from app.services.simulator.network import SimulatedNetwork


def drop_replies() -> None:
    """Lose every reply that asks nothing, as if it had been sent."""
    take = SimulatedNetwork.take

    def lossy(self: SimulatedNetwork, connection: Connection, messages: Sequence[ClaimedMessage]) -> list[SendResult]:
        asked = [message for message in messages if message.question_id is not None]
        results = dict(zip((message.id for message in asked), take(self, connection, asked), strict=True))
        return [results.get(message.id, Accepted("lost")) for message in messages]

    SimulatedNetwork.take = lossy  # type: ignore[method-assign]  # the fault


def send_from_a_wrong_number() -> None:
    """Send listings from the number that commands go to."""
    number = ServiceNumbers.number

    def wrong(self: ServiceNumbers, extension: str) -> str:
        return number(self, Extension.COMMANDS if extension == Extension.LISTING else extension)

    ServiceNumbers.number = wrong  # type: ignore[method-assign]  # the fault


def leave_events_unsigned() -> None:
    """Send events without a signature."""

    def unsigned(self: Signatures, message_id: str, body: bytes) -> dict[str, str]:
        return {"webhook-id": message_id}

    Signatures.sign = unsigned  # type: ignore[method-assign]  # the fault


FAULTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "dropped-reply": drop_replies,
    "wrong-number": send_from_a_wrong_number,
    "unsigned-event": leave_events_unsigned,
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    main()
