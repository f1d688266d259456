"""What is on its way to a simulated handset, and why it waits (http-api.md, simulator)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from app.db import provider_state, simulator
from app.db.provider_state import Circuit
from app.db.simulator import OutboxMessage
from app.db.state import current_state
from app.domain.values import value
from app.services.delivery.breaker import is_paused

_MOST = 100


class Wait(StrEnum):
    """What a message waits for: its next attempt, an earlier message, or the end of the circuit breaker's pause."""

    ATTEMPT = "attempt"
    EARLIER = "earlier"
    PAUSE = "pause"


@value
class WaitingMessage:
    """A message that is on its way, or was given up.

    Attributes:
        message: its row.
        waits_for: None if it is being sent, or will not be sent any more.
        next_attempt_at: not before then it is sent, UTC; None for one that was given up.
    """

    message: OutboxMessage
    waits_for: Wait | None
    next_attempt_at: datetime | None


def outbox_of(connection: Connection, msisdn: str, providers: Sequence[str]) -> list[WaitingMessage]:
    """Return the newest hundred messages that are on their way to a handset or were given up, oldest first.

    ``providers`` are those that lead to the handset.
    """
    now = current_state(connection).now
    circuits = provider_state.circuits(connection)
    return [_waiting(item, now, circuits) for item in simulator.outbox_of(connection, msisdn, providers, _MOST)]


def _waiting(item: OutboxMessage, now: datetime, circuits: Mapping[str, Circuit]) -> WaitingMessage:
    circuit = circuits.get(item.provider, Circuit())
    pause = circuit.paused_until if is_paused(circuit, now) else None
    if item.due_at is None:
        return WaitingMessage(item, None, None)
    if item.is_behind:
        return WaitingMessage(item, Wait.EARLIER, item.due_at)
    if pause is not None and pause > item.due_at:
        return WaitingMessage(item, Wait.PAUSE, pause)
    return WaitingMessage(item, Wait.ATTEMPT if item.due_at > now else None, item.due_at)
