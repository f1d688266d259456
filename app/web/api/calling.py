"""Carrying out a call as a turn of its subscriber."""

from app.domain.turn import Outcome, Stimulus
from app.services.directory import RefusedError
from app.services.gateway import Gateway


async def carried_out(gateway: Gateway, msisdn: str, stimulus: Stimulus) -> Outcome:
    """What became of it; RefusedError where it cannot be done."""
    outcome = await gateway.turns.call(msisdn, stimulus)
    if outcome.refusal is not None:
        raise RefusedError(outcome.refusal.status, outcome.refusal.detail)
    return outcome
