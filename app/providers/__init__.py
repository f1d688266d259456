"""Provider adapters: one file or package for each kind of carrier, and the table of kinds."""

from app.options import ProviderKinds, ProviderOptions
from app.providers.apis.android import AndroidProvider
from app.providers.apis.infobip import InfobipProvider
from app.providers.apis.kannel import KannelProvider
from app.providers.apis.twilio import TwilioProvider
from app.providers.apis.vonage import VonageProvider
from app.providers.base import Provider, Surroundings
from app.providers.cmpp.adapter import CmppProvider
from app.providers.generic import GenericProvider
from app.providers.simulator import SimulatorProvider
from app.providers.smpp.adapter import SmppProvider

KINDS: dict[str, type[Provider]] = {
    GenericProvider.kind: GenericProvider,
    SimulatorProvider.kind: SimulatorProvider,
    AndroidProvider.kind: AndroidProvider,
    KannelProvider.kind: KannelProvider,
    TwilioProvider.kind: TwilioProvider,
    VonageProvider.kind: VonageProvider,
    InfobipProvider.kind: InfobipProvider,
    SmppProvider.kind: SmppProvider,
    CmppProvider.kind: CmppProvider,
}


def provider_kinds() -> ProviderKinds:
    """Return the options' model of each kind, for the settings file."""
    return {kind: provider.options for kind, provider in KINDS.items()}


def make_provider(name: str, options: ProviderOptions, around: Surroundings) -> Provider:
    """Return the adapter of a provider. Raise KeyError for an unknown kind."""
    return KINDS[options.kind](name, options, around)
