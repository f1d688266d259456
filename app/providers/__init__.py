"""Provider adapters: one file for each kind of carrier, and this table of them."""

from app.providers.base import Provider, ProviderSettings, Surroundings
from app.providers.generic import GenericProvider
from app.providers.simulator import SimulatorProvider

KINDS: dict[str, type[Provider]] = {
    GenericProvider.kind: GenericProvider,
    SimulatorProvider.kind: SimulatorProvider,
}


def make_provider(settings: ProviderSettings, around: Surroundings) -> Provider:
    """The adapter of a provider behind its fence. KeyError: no such kind."""
    provider = KINDS[settings.kind].make(settings, around)
    provider.fence, provider.numbers, provider.zone = settings.fence, settings.numbers, settings.zone
    return provider
