"""When a provider is left alone: it keeps failing (the circuit is open), or it asked for it (delivery.md 10, 11).

The rules are pure: the state is a row that all processes share, the time and the jitter are handed in.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from app.db import provider_state
from app.db.provider_state import Circuit
from app.db.state import current_state
from app.domain.values import replace
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult

FAILURES_TO_OPEN = 10
_FIRST_REST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# Beyond this many doublings the longest rest holds.
_DOUBLINGS = 8


class CircuitState(StrEnum):
    """``half-open``: one message goes out, to see whether the provider works again."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


def is_paused(circuit: Circuit, now: datetime) -> bool:
    """Whether nothing is handed over now; a pause that a clock set back made endless is none."""
    return circuit.paused_until is not None and now < circuit.paused_until <= now + LONGEST_PAUSE


def state_of(circuit: Circuit, now: datetime) -> CircuitState:
    """Open while a broken provider rests, half-open after that until something is taken."""
    if not circuit.openings:
        return CircuitState.CLOSED
    return CircuitState.OPEN if is_paused(circuit, now) else CircuitState.HALF_OPEN


def read_states(connection: Connection) -> dict[str, CircuitState]:
    """The circuits of all providers that ever sent something, by the gateway's clock."""
    now = current_state(connection).now
    return {name: state_of(circuit, now) for name, circuit in provider_state.circuits(connection).items()}


def after(circuit: Circuit, results: Sequence[SendResult], now: datetime, jitter: float) -> Circuit:
    """The circuit after attempts; ``jitter`` is a random number in [0, 1).

    A definite answer shows that the provider works, be it a refusal. Finding us too fast is no fault: it is left alone
    for as long as it asked, at most an hour.
    """
    for result in results:
        match result:
            case NotTried():
                pass
            case Accepted() | Refused():
                circuit = circuit if circuit == Circuit() else _working(circuit)
            case RefusedForNow(_, retry_after, throttled=True):
                until = now + min(retry_after or timedelta(0), LONGEST_PAUSE)
                circuit = replace(_working(circuit), paused_until=until if retry_after else circuit.paused_until)
            case _:
                circuit = _failed(circuit, now, jitter)
    return circuit


def _working(circuit: Circuit) -> Circuit:
    """A pause that the provider asked for stays; a rest that we gave it is over."""
    return Circuit(paused_until=None if circuit.openings else circuit.paused_until)


def _failed(circuit: Circuit, now: datetime, jitter: float) -> Circuit:
    circuit = replace(circuit, failures=circuit.failures + 1)
    # What was under way while it opened, and fails too, does not make the rest longer.
    if circuit.failures < FAILURES_TO_OPEN or (circuit.openings and is_paused(circuit, now)):
        return circuit
    rest = min(_LONGEST_REST, _FIRST_REST * (1 << min(circuit.openings, _DOUBLINGS)))
    return replace(circuit, openings=circuit.openings + 1, paused_until=now + rest * (0.5 + jitter / 2))
