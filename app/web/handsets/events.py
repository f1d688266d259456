"""The thread of a handset as server-sent events, with what is on its way to it and a heartbeat."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from app.domain.messages import OutboundStatus, is_final
from app.domain.simulation import FaultMode, SimulatedReport
from app.services.gateway import Carriers
from app.services.simulator.network import SimulatedNetwork, ThreadMessage
from app.services.simulator.simulation import Simulation
from app.web.dependencies import AfterIdIn, GatewayIn, LastEventIn
from app.web.handsets.outbox import read_outbox
from app.web.simulator import message_out, number_of
from app.web.times import ShanghaiTime

router = APIRouter()
_PAGE_SIZE = 200
# A reader that hears nothing for more than twice this time knows that the connection is dead.
HEARTBEAT_SECONDS = 2


class Heartbeat(BaseModel):
    """The gateway's clock, and how the network answers and reports, at the time of a heartbeat."""

    now: ShanghaiTime
    frozen: bool
    fault: FaultMode
    report: SimulatedReport


@router.get("/handsets/{msisdn}/events", summary="The thread as server-sent events", response_class=EventSourceResponse)
async def watch_thread(
    msisdn: str, gateway: GatewayIn, after: AfterIdIn = None, last_event: LastEventIn = None
) -> AsyncIterator[ServerSentEvent]:
    """Each message as it appears, and again whenever its status changes. ``id`` is the message's id.

    A broken stream continues after ``Last-Event-ID``, which takes precedence over ``after``. Events of two further
    types have no ``id``. ``outbox``: what is on its way to the handset, at the start and whenever that changes, as
    ``GET …/outbox`` answers. ``heartbeat``: every two seconds and after each change ``{"now", "frozen", "fault",
    "report"}``, the clock and how the network answers and reports; ``fault`` is ``ok`` if no send will fail.
    """
    number, network = number_of(msisdn), gateway.carriers.network
    thread, outbox = _Thread(gateway.carriers, number, last_event or after), None
    await thread.find_start()
    while True:
        changes = network.changes
        for event in await thread.changed_messages():
            yield event
        now_in_it = (await read_outbox(gateway, number)).model_dump_json(by_alias=True, exclude_none=True)
        if now_in_it != outbox:
            outbox = now_in_it
            yield ServerSentEvent(raw_data=outbox, event="outbox")
        yield ServerSentEvent(raw_data=await _heartbeat(gateway.simulator.simulation), event="heartbeat")
        await network.wait_for_change(changes, HEARTBEAT_SECONDS)


async def _heartbeat(simulation: Simulation) -> str:
    state = await simulation.clock()
    fault = FaultMode.OK if state.fault_count == 0 else state.fault_mode
    frozen = state.clock_frozen_at is not None
    return Heartbeat(now=state.now, frozen=frozen, fault=fault, report=state.report_status).model_dump_json()


class _Thread:
    """Reads the messages of a thread that were not sent yet, or whose status has changed since."""

    def __init__(self, carriers: Carriers, number: str, start: str | None) -> None:
        self._network = carriers.network
        self._providers = carriers.providers
        self._number = number
        # Each pass reads from the first message whose status may still change.
        self._start = start
        self._first: str | None = None
        self._sent: dict[str, str | None] = {}

    async def find_start(self) -> None:
        """Remember how the thread begins."""
        self._first = await _first_id(self._network, self._number)

    async def changed_messages(self) -> list[ServerSentEvent]:
        """Return the events that follow those of the last call."""
        known, self._first = self._first, await _first_id(self._network, self._number)
        if known is not None and self._first != known:
            self._start, self._sent = None, {}  # the gateway was reset, or the first messages were purged
        events: list[ServerSentEvent] = []
        is_moving = False
        for item in await self._messages_after_start():
            if item.id not in self._sent or self._sent[item.id] != item.status:
                self._sent[item.id] = item.status
                data = message_out(self._number, item, self._providers).model_dump_json(
                    by_alias=True, exclude_none=True
                )
                events.append(ServerSentEvent(raw_data=data, id=item.id))
            is_settled = item.status is None or is_final(OutboundStatus(item.status))
            is_moving = is_moving or not is_settled
            if not is_moving:
                self._start = item.id
        return events

    async def _messages_after_start(self) -> list[ThreadMessage]:
        found: list[ThreadMessage] = []
        while True:
            page = await self._network.thread(self._number, found[-1].id if found else self._start, _PAGE_SIZE)
            found += page
            if len(page) < _PAGE_SIZE:
                return found


async def _first_id(network: SimulatedNetwork, number: str) -> str | None:
    return next((item.id for item in await network.thread(number, None, 1)), None)
