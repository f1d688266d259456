"""Provider adapters: one file for each kind of carrier, and this table of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.providers.base import Provider
from app.providers.generic import GenericProvider
from app.providers.simulator import HandsetNetwork, SimulatorProvider


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the settings say of one provider."""

    name: str
    kind: str
    secrets: tuple[str, ...] = ()


KINDS: Mapping[str, Callable[[ProviderSettings, HandsetNetwork], Provider]] = {
    GenericProvider.kind: lambda settings, _network: GenericProvider(settings.name, settings.secrets),
    SimulatorProvider.kind: lambda settings, network: SimulatorProvider(settings.name, network, settings.secrets),
}
