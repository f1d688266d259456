"""The circuit breaker: nothing is sent to a provider that keeps failing or that asked for a pause (delivery.md 10, 11).

The rules are pure functions. Their state is a row that all processes share; time and jitter are arguments.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from app.db import provider_state
from app.db.binds import Bind
from app.db.provider_state import LONGEST_PAUSE, Circuit
from app.db.state import current_state
from app.domain.values import replace
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Unknown

FAILURES_TO_OPEN = 10
_FIRST_REST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=1)
# With this many doublings a rest is longer than the longest one, so more need not be calculated.
_DOUBLINGS = 8
# How long a provider may be without a bind before its messages are given to others.
_DOWN_FOR = timedelta(seconds=10)


class CircuitState(StrEnum):
    """The state of a circuit; while it is half-open, one message at a time tests if the provider works again."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


def is_paused(circuit: Circuit, now: datetime) -> bool:
    """Return True if nothing may be handed over at ``now`` (UTC).

    A pause that ends more than an hour later does not count: the clock was set back after it began.
    """
    return circuit.paused_until is not None and now < circuit.paused_until <= now + LONGEST_PAUSE


def state_of(circuit: Circuit, now: datetime) -> CircuitState:
    """Return the state at ``now`` (UTC): open during a rest after failures, then half-open until a message is taken."""
    if not circuit.openings:
        return CircuitState.CLOSED
    return CircuitState.OPEN if is_paused(circuit, now) else CircuitState.HALF_OPEN


def are_down(binds: Collection[Bind], now: datetime) -> bool:
    """Return True if none of a provider's binds has been up for some time; ``now`` is by the database's clock, UTC.

    Its circuit counts as open then, until one is up.
    """
    down = [bind.down_since(now) for bind in binds]
    return bool(down) and all(since is not None and since <= now - _DOWN_FOR for since in down)


def read_states(connection: Connection) -> dict[str, CircuitState]:
    """Return the state of each provider that has a circuit, by name, at the gateway's time."""
    now = current_state(connection).now
    return {name: state_of(circuit, now) for name, circuit in provider_state.circuits(connection).items()}


def circuit_after(circuit: Circuit, results: Sequence[SendResult], now: datetime, jitter: float) -> Circuit:
    """Return the circuit after attempts; ``jitter`` is a random number in [0, 1).

    A definite answer shows that the provider works, even if it is a refusal. Throttling is no failure: the circuit
    pauses for as long as the provider asked, at most an hour.
    """
    for result in results:
        match result:
            case NotTried() | RefusedForNow(of_recipient=True) | Unknown(of_recipient=True):
                pass
            case Accepted() | Refused():
                circuit = circuit if circuit == Circuit() else _after_success(circuit)
            case RefusedForNow(_, retry_after, throttled=True):
                until = now + min(retry_after or timedelta(0), LONGEST_PAUSE)
                circuit = replace(_after_success(circuit), paused_until=until if retry_after else circuit.paused_until)
            case _:
                circuit = _after_failure(circuit, now, jitter)
    return circuit


def _after_success(circuit: Circuit) -> Circuit:
    """Return the circuit without failures; it keeps a pause that the provider asked for, but not a rest."""
    return Circuit(paused_until=None if circuit.openings else circuit.paused_until)


def _after_failure(circuit: Circuit, now: datetime, jitter: float) -> Circuit:
    circuit = replace(circuit, failures=circuit.failures + 1)
    # Attempts that were in flight when the circuit opened, and fail as well, do not make the rest longer.
    if circuit.failures < FAILURES_TO_OPEN or (circuit.openings and is_paused(circuit, now)):
        return circuit
    rest = min(_LONGEST_REST, _FIRST_REST * (1 << min(circuit.openings, _DOUBLINGS)))
    return replace(circuit, openings=circuit.openings + 1, paused_until=now + rest * (0.5 + jitter / 2))
