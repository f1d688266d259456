"""The gateways of a run of tests: one for each distinct set of settings, started when first asked for."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from smsgw_testkit import carrier, events
from smsgw_testkit.defaults import Defaults
from smsgw_testkit.dialling import Numbers
from smsgw_testkit.errors import SmsgwError
from smsgw_testkit.gateways import Gateway, Parts
from smsgw_testkit.running import finding
from smsgw_testkit.running.configuration import Configuration
from smsgw_testkit.running.durations import Durations
from smsgw_testkit.running.finding import Choice


@dataclass
class _Held:
    gateway: Gateway
    claimed: bool = False


@dataclass
class Session:
    """Starts gateways, hands them out and ends them.

    Attributes:
        worker: number of the worker of the tests, from 0.
        no_reset: leave what a gateway has, as others use it, too.
    """

    choice: Choice
    defaults: Defaults = field(default_factory=Defaults)
    worker: int = 0
    no_reset: bool = False
    durations: Durations = field(default_factory=Durations)

    def __post_init__(self) -> None:
        self._held: dict[str, list[_Held]] = {}
        self._numbers = Numbers.of(self.worker, is_shared=self.choice.url is not None)

    def gateway(self, configuration: Configuration, *, claim: bool = False) -> Gateway:
        """Return a gateway of these settings that no wider fixture holds.

        ``claim``: it is held until ``release``. One that has ended is replaced. Raise GatewayNotFound or GatewayDied.
        """
        kept = self._held.setdefault(configuration.key, [])
        for one in [one for one in kept if one.gateway.has_ended]:
            one.gateway.close()
            kept.remove(one)
        free = next((one for one in kept if not one.claimed), None)
        if free is None:
            if kept and (self.choice.url or self.choice.image):
                raise SmsgwError(
                    "a wider fixture holds the only gateway; use the same fixture here, or no URL and image"
                )
            free = _Held(self._started(configuration))
            kept.append(free)
        free.claimed = claim
        return free.gateway

    def release(self, gateway: Gateway) -> None:
        """Let others have a gateway that was claimed."""
        for one in [one for kept in self._held.values() for one in kept if one.gateway is gateway]:
            one.claimed = False

    def close(self) -> None:
        """End all gateways."""
        for kept in self._held.values():
            for one in kept:
                one.gateway.close()
        self._held.clear()

    def _started(self, configuration: Configuration) -> Gateway:
        begin = time.perf_counter()
        receiver = carrier.receiver()
        try:
            backend = finding.started(
                self.choice,
                configuration.text(events.billing(receiver), carrier.settings(receiver)),
                _origin(configuration.file),
                is_default=configuration.is_default,
            )
        except BaseException:
            receiver.close()
            raise
        parts = Parts(backend, receiver, self.defaults, self._numbers, self.durations)
        found = Gateway(parts)
        self.durations.note("start", time.perf_counter() - begin)
        return found


def _origin(file: Path | None) -> str:
    return str(file) if file else "config"
