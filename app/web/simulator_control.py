"""Calls that control the simulation: clock, reset, faults and delivery reports.

They exist only in demo and test, as they delete data or move time.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from app.domain.refusals import RefusalReason
from app.domain.simulation import FaultMode, Kept, SimulatedReport
from app.services.simulator.fixtures import UnknownFixtureError
from app.services.simulator.fixtures import read as read_fixture
from app.services.simulator.simulation import GatewayState
from app.web.dependencies import GatewayIn, NetworkIn, SimulationIn
from app.web.problem_codes import Code
from app.web.problems import ProblemError
from app.web.times import Moment, ShanghaiTime

_LONGEST_DRAIN_SECONDS = 300


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ClockOut(BaseModel):
    """The gateway's clock."""

    now: ShanghaiTime
    frozen: bool


async def require_disposable(gateway: GatewayIn) -> None:
    """Raise ProblemError (404) outside of demo and test."""
    if not gateway.disposable:
        raise ProblemError(Code.NO_SUCH_PATH, "The clock, reset and fault calls exist only in demo and test.")


router = APIRouter(prefix="/simulator", tags=["simulator"], dependencies=[Depends(require_disposable)])


class DrainIn(_Body):
    """The longest time to wait, in seconds of real time, and whether also for the events to receivers."""

    timeout_seconds: float = Field(default=10, gt=0, le=_LONGEST_DRAIN_SECONDS)
    events: bool = False


class DrainOut(BaseModel):
    """Whether nothing is left to do, and how much of each kind is."""

    idle: bool
    waiting: dict[str, int] | None = None


@router.post("/drain", summary="Wait until nothing that is due now is left to do", response_model_exclude_none=True)
async def drain_simulator(simulation: SimulationIn, given: Annotated[DrainIn | None, Body()] = None) -> DrainOut:
    """``idle`` is false if the timeout passed first; then ``waiting`` counts what is left.

    With ``events`` it also waits until every event that is due was posted; one that was refused is due again later.
    """
    given = given or DrainIn()
    if await simulation.drain(given.timeout_seconds, events=given.events):
        return DrainOut(idle=True)
    return DrainOut(idle=False, waiting=await simulation.waiting())


@router.get("/clock", summary="The gateway's clock")
async def read_clock(simulation: SimulationIn) -> ClockOut:
    """The time in Asia/Shanghai, and whether the clock is frozen."""
    return _clock_out(await simulation.clock())


def _clock_out(state: GatewayState) -> ClockOut:
    return ClockOut(now=state.now, frozen=state.clock_frozen_at is not None)


class ClockIn(_Body):
    """The time at which to stop the clock. Without an offset it is in Asia/Shanghai."""

    now: Moment


@router.put("/clock", summary="Stop the clock at a time")
async def set_clock(given: ClockIn, simulation: SimulationIn) -> ClockOut:
    """Any time. The clock goes back only right after a reset (else 409)."""
    return _clock_out(await simulation.set_clock(given.now))


@router.post("/clock/run", summary="Let the clock run")
async def run_clock(simulation: SimulationIn) -> ClockOut:
    """From where it stands, as fast as time goes. Nothing is skipped; one that runs goes on as it does."""
    return _clock_out(await simulation.run_clock())


class AdvanceIn(_Body):
    """How far to move the clock: by ``seconds``, or ``to`` a time; with ``events`` through their repetitions, too."""

    seconds: float | None = Field(default=None, ge=0, le=20 * 366 * 86400)
    to: Moment | None = None
    events: bool = False


@router.post("/clock/advance", summary="Move the clock and do everything that falls due on the way")
async def advance_clock(given: AdvanceIn, simulation: SimulationIn) -> ClockOut:
    """A running clock is frozen. Timers, retries, reports and waiting messages run in order, each at its own time.

    With ``events`` events to receivers are posted on the way, each when it is due, and again when they are refused.
    """
    if (given.seconds is None) == (given.to is None):
        raise ProblemError(RefusalReason.INVALID, "Give either seconds or to.")
    return _clock_out(await simulation.advance(seconds=given.seconds, to=given.to, events=given.events))


class ResetIn(_Body):
    """The fixture to load after the reset, the time at which to stop the clock before that, and what is kept."""

    fixture: str | None = Field(default=None, max_length=40)
    now: Moment | None = None
    keep: list[Kept] = Field(default_factory=list, max_length=len(Kept))


class ResetOut(ClockOut):
    """What is there after a reset, and the gateway's clock."""

    status: Literal["empty", "loaded"]


@router.post("/reset", summary="Delete all data")
async def reset_simulator(
    request: Request, gateway: GatewayIn, given: Annotated[ResetIn | None, Body()] = None
) -> ResetOut:
    """Then the clock stops at ``now``, or runs if there is none, and a fixture is loaded, if one is named.

    The dates of a fixture's customers are counted from the clock, so with the same ``now`` they are the same.
    """
    given = given or ResetIn()
    if given.fixture is not None:
        try:
            read_fixture(given.fixture)
        except UnknownFixtureError as error:
            raise ProblemError(RefusalReason.INVALID, f"fixture: {error}") from None
    state = await gateway.simulator.simulation.reset(given.fixture, given.now, given.keep)
    request.app.state.server_errors.count = 0
    gateway.carriers.network.changed()
    status: Literal["empty", "loaded"] = "empty" if given.fixture is None else "loaded"
    return ResetOut(**_clock_out(state).model_dump(), status=status)


class FaultsIn(_Body):
    """How the network answers: ``rate`` is the share of failing sends (0 to 1), ``count`` the most that fail."""

    mode: FaultMode
    rate: float = Field(default=1, ge=0, le=1)
    count: int | None = Field(default=None, ge=0, le=1_000_000)


@router.get("/faults", summary="How the simulated network answers sends")
async def read_faults(simulation: SimulationIn) -> FaultsIn:
    """``count`` is the number of sends that will still fail; 0 is the same as mode ok."""
    state = await simulation.clock()
    given = {"mode": state.fault_mode, "rate": state.fault_rate, "count": state.fault_count}
    return FaultsIn.model_validate(given)


@router.put("/faults", summary="Set how the simulated network answers sends")
async def set_faults(given: FaultsIn, network: NetworkIn) -> FaultsIn:
    """``timeout``: the network accepts the message, once for each reference, but the answer is lost."""
    await network.set_faults(given.mode, given.rate, given.count)
    return given


class DeliveryIn(_Body):
    """What the network reports about messages that it accepts, and after how many seconds."""

    report: SimulatedReport
    delay_seconds: int = Field(default=0, ge=0, le=366 * 86400)


@router.get("/delivery", summary="The delivery report that the simulated network sends")
async def read_delivery(simulation: SimulationIn) -> DeliveryIn:
    """The setting for messages accepted from now on."""
    state = await simulation.clock()
    return DeliveryIn.model_validate({"report": state.report_status, "delay_seconds": state.report_delay_seconds})


@router.put("/delivery", summary="Set the delivery report that the simulated network sends")
async def set_delivery(given: DeliveryIn, network: NetworkIn) -> DeliveryIn:
    """Applies to messages accepted from now on."""
    await network.set_delivery(given.report, given.delay_seconds)
    return given
