"""A toy carrier beside the gateway, between it and the simulated handsets: both ways go over its wire."""

import hashlib
import re
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.db import inbound_keys, simulator
from app.db.rows import Row
from app.db.session import Database
from app.db.simulator import DueReport
from app.db.state import GatewayState, current_state
from app.domain.messages import InboundMessage, InboundResult
from app.domain.msisdn import bucket_of, parse_msisdn, parse_sender
from app.domain.parts import PartOf
from app.domain.refusals import RefusalReason
from app.domain.storage import StorageUnavailableError
from app.services.ids import IdSource
from app.services.refusals import RefusedError
from app.services.simulator.network import REPORTS_PER_BATCH, SimulatedNetwork, thread_row
from app.toys.carrier import NAME, Answer, NotCarriedError, Report, Sms, Taken, ToyCarrier

_ADDRESS = re.compile(r"[+*#0-9A-Za-z]{1,20}")
# More than handsets write, and little enough for a URL.
_LONGEST_TEXT = 1_000
_ID_DIGITS = 16
log = observability.logger(__name__)


class CarrierBeside:
    """Brings the texts of handsets to a toy carrier, and shows on them what it takes from the gateway.

    How it answers and what it reports is set as for the simulated network, by the gateway's clock.
    """

    def __init__(self, toy: ToyCarrier, database: Database, ids: IdSource, network: SimulatedNetwork) -> None:
        self.toy = toy
        self._database = database
        self._ids = ids
        self._network = network
        # By the gateway's id: messages on which the toy has to report.
        self._taken: dict[str, Taken] = {}
        network.reported_elsewhere = self._taken
        toy.handsets = self

    # ---- from the handsets

    async def send(self, message: InboundMessage) -> InboundResult:
        """Hand a text of a handset to the gateway over the toy's wire. Return its id, and whether it is new.

        Raise NotCarriedError if the gateway does not take it now, RefusedError for what no carrier takes.
        """
        sender = parse_sender(message.sender)
        if sender is None:
            raise RefusedError(RefusalReason.INVALID, "A carrier has mobile numbers only; write it like 13800138000.")
        if not _ADDRESS.fullmatch(message.dialled):
            raise RefusedError(RefusalReason.INVALID, "to: a carrier takes up to 20 digits, letters, +, * and #.")
        if len(message.text) > _LONGEST_TEXT:
            raise RefusedError(RefusalReason.INVALID, f"text: a carrier takes up to {_LONGEST_TEXT} characters.")
        sms = Sms(sender, message.dialled, message.text, _header(message.part))
        message_id = hashlib.sha256(message.message_id.encode(errors="surrogatepass")).hexdigest()[:_ID_DIGITS]
        stored = partial(_stored, msisdn=sender, their_id=self.toy.id_of(message_id), part=message.part)
        before = await self._database.read(stored)
        await self.toy.send(sms, message_id)
        found = await self._database.read(stored)
        if found is None:
            raise NotCarriedError("the gateway did not store the message")
        return InboundResult(found, new=before is None)

    # ---- to the handsets

    async def take(self, message: Taken | None) -> Answer:
        """Return how the toy is to answer what the gateway handed over, and show a message that it takes."""
        try:
            answer = await self._database.write(partial(self._take, message=message))
        except StorageUnavailableError:
            return Answer.ERROR
        self._network.changed()
        return answer

    def _take(self, connection: Connection, *, message: Taken | None) -> Answer:
        state = current_state(connection)
        msisdn = parse_msisdn(message.recipient) if message else None
        conditions = self._network.conditions(connection, state, [msisdn] if msisdn else [])
        sent = (
            simulator.being_sent(connection, NAME, msisdn, message.sender, message.text) if message and msisdn else None
        )
        mode, _ = conditions.answer_to(msisdn or "", sent.attempts if sent else 1)
        conditions.save()
        answer = Answer(mode)
        if message is None or not answer.is_taken:
            return answer
        if msisdn is None or sent is None:
            log.warning("the toy carrier got what the gateway does not send", kind=self.toy.kind)
            return Answer.REJECT
        self._show(connection, message, sent.id, thread_row(next(self._ids), msisdn, sent.id, state.now, conditions))
        return answer

    def _show(self, connection: Connection, message: Taken, message_id: str, row: Row) -> None:
        """Show a message on its handset: one that the gateway is sending, to the letter."""
        simulator.add_to_threads(connection, [row])
        if row["report_due_at"] is not None:
            # Before the commit: from then on the report may be due.
            self._taken[message_id] = message

    # ---- reports

    async def step(self) -> bool:
        """Have the toy send the reports that are due, then the simulated network. Return True if there may be more."""
        if self._taken:
            state, due = await self._database.read(self._due)
            done = [one for one in due if await self._taken[one.message_id].report(Report(one.report), state.now)]
            if done:
                await self._database.write(partial(simulator.claim_reports, due=done))
                for one in done:
                    del self._taken[one.message_id]
                self._network.changed()
        return await self._network.step()

    def _due(self, connection: Connection) -> tuple[GatewayState, list[DueReport]]:
        state = current_state(connection)
        due = simulator.due_reports(connection, state.now, REPORTS_PER_BATCH)
        return state, [one for one in due if one.message_id in self._taken]


def _stored(connection: Connection, *, msisdn: str, their_id: str, part: PartOf | None) -> str | None:
    """Return the gateway's id of a text that came by the toy, or of its first part if the toy cut it."""
    numbers = [part.number] if part and part.total > 1 else [0, 1]
    values = [(NAME, their_id, msisdn, number, bucket_of(msisdn)) for number in numbers]
    found = inbound_keys.ids_of(connection, [dict(zip(inbound_keys.KEY, one, strict=True)) for one in values])
    return next((found[one] for one in values if one in found), None)


def _header(part: PartOf | None) -> bytes:
    """Return the user data header of a part, with a reference of one octet."""
    if part is None or part.total == 1:
        return b""
    return bytes((5, 0, 3, int(part.ref.partition("/")[0]) & 0xFF, part.total, part.number))
