"""How the simulated network treats each handset: by its own conditions, else by its number's fate, else as all."""

import random
from collections.abc import Collection

from sqlalchemy import Connection

from app.db import simulator_handsets
from app.db.simulator_handsets import OwnConditions
from app.db.state import GatewayState, set_state
from app.domain.simulation import FATES, MILLION, Fate, Fault, FaultMode, Reporting

_NONE = OwnConditions()
_NO_FATE = Fate("as all")


class Conditions:
    """The conditions of some handsets within one transaction, at whose end ``save`` is called."""

    def __init__(
        self, connection: Connection, state: GatewayState, numbers: Collection[str], *, has_fates: bool
    ) -> None:
        """``has_fates``: there are numbers with a fate."""
        self._connection = connection
        self._own = simulator_handsets.conditions_of(connection, numbers)
        self._fates = FATES if has_fates else {}
        self._general = Fault(state.fault_mode, state.fault_rate_ppm, state.fault_count)
        self._reporting = Reporting(state.report_status, state.report_delay_seconds)
        self._left: dict[str, Fault] = {}
        self._before = self._general

    def answer_to(self, msisdn: str, attempt: int) -> tuple[FaultMode, bool]:
        """Return how an attempt to send to a handset is answered, and whether that is so for this handset alone."""
        own = self._left.get(msisdn) or self._own_of(msisdn).fault
        if own is not None:
            mode = draw(own)
            if mode is not FaultMode.OK:
                self._left[msisdn] = own.after_one()
            return mode, True
        fated = self._fate_of(msisdn).answer_to(attempt)
        if fated is not None:
            return fated, True
        mode = draw(self._general)
        if mode is not FaultMode.OK:
            self._general = self._general.after_one()
        return mode, False

    def reporting_of(self, msisdn: str) -> Reporting:
        """Return what is reported of a message that a handset gets now."""
        return self._own_of(msisdn).reporting or self._fate_of(msisdn).reporting or self._reporting

    def save(self) -> None:
        """Store how many sends the faults still hit."""
        counted = {msisdn: fault for msisdn, fault in self._left.items() if fault.count is not None}
        if counted:
            simulator_handsets.set_faults(self._connection, counted)
        if self._general != self._before:
            set_state(self._connection, fault_count=self._general.count)

    def _own_of(self, msisdn: str) -> OwnConditions:
        return self._own.get(msisdn, _NONE)

    def _fate_of(self, msisdn: str) -> Fate:
        return self._fates.get(msisdn, _NO_FATE)


def draw(fault: Fault) -> FaultMode:
    """Return how the next send is answered."""
    if fault.mode is FaultMode.OK or fault.count == 0:
        return FaultMode.OK
    if random.random() * MILLION >= fault.rate_ppm:  # noqa: S311  a simulated fault, not a secret
        return FaultMode.OK
    return fault.mode
