"""Provider adapters: one file for each kind of carrier, and the table of kinds."""

from app.providers.base import Provider, ProviderSettings, Surroundings
from app.providers.generic import GenericProvider
from app.providers.simulator import SimulatorProvider

KINDS: dict[str, type[Provider]] = {
    GenericProvider.kind: GenericProvider,
    SimulatorProvider.kind: SimulatorProvider,
}


def make_provider(settings: ProviderSettings, around: Surroundings) -> Provider:
    """Return the adapter of a provider with its fence. Raise KeyError for an unknown kind; ValueError as ``make``."""
    provider = KINDS[settings.kind].make(settings, around)
    provider.fence, provider.numbers, provider.zone = settings.fence, settings.numbers, settings.zone
    return provider
