"""Provider adapters: one file for each kind of carrier, and this table of them."""

from collections.abc import Callable
from dataclasses import field

import httpx

from app.domain.values import value
from app.providers.base import Provider
from app.providers.fences import Fence
from app.providers.generic import GenericProvider, SendTo
from app.providers.http import HttpPoster
from app.providers.simulator import HandsetNetwork, SimulatorProvider


@value
class ProviderSettings:
    """What the settings say of one provider; secrets newest first."""

    name: str
    kind: str
    secrets: tuple[str, ...] = ()
    fence: Fence = field(default_factory=Fence)
    send_url: str | None = None
    resend_unknown: bool = False
    timeout_seconds: float = 10


@value
class Surroundings:
    """What adapters share: the handsets of the simulated network, and the way out over HTTP."""

    network: HandsetNetwork
    transport: httpx.AsyncBaseTransport


def _generic(settings: ProviderSettings, around: Surroundings) -> Provider:
    send_to = None
    if settings.send_url is not None:
        http = HttpPoster(around.transport, settings.timeout_seconds)
        send_to = SendTo(httpx.URL(settings.send_url), http, settings.resend_unknown)
    return GenericProvider(settings.name, settings.secrets, send_to)


def _simulator(settings: ProviderSettings, around: Surroundings) -> Provider:
    return SimulatorProvider(settings.name, around.network, settings.secrets)


KINDS: dict[str, Callable[[ProviderSettings, Surroundings], Provider]] = {
    GenericProvider.kind: _generic,
    SimulatorProvider.kind: _simulator,
}


def make_provider(settings: ProviderSettings, around: Surroundings) -> Provider:
    """The adapter of a provider behind its fence. KeyError: no such kind; ValueError: a secret of no known form."""
    provider = KINDS[settings.kind](settings, around)
    provider.fence = settings.fence
    return provider
