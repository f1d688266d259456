"""The carriers' part of the gateway, built from the settings: providers, deliveries, the simulated network."""

from collections.abc import Callable

import httpx

from app.db.due import Work
from app.db.recovery import FailoverRoute
from app.db.session import Database
from app.domain.policy import ProviderTraits
from app.options import ProviderOptions
from app.providers import make_provider, provider_kinds
from app.providers.base import Provider, Surroundings
from app.providers.http import LateTransport
from app.providers.probe import ProbeProvider
from app.services.delivery.receipts import Receipts
from app.services.delivery.recovering import Recovery
from app.services.delivery.sending import Delivery
from app.services.delivery.slots import Slots
from app.services.engine import Engine
from app.services.gateway import Carriers
from app.services.ids import IdSource
from app.services.intake import Companion
from app.services.membership import Membership
from app.services.simulator.beside import CarrierBeside
from app.services.simulator.delivery import HandsetDelivery
from app.services.simulator.network import PROVIDER as SIMULATOR
from app.services.simulator.network import SimulatedNetwork
from app.services.upkeep.probing import PROVIDER as PROBE
from app.settings import Settings, SettingsError
from app.toys.carrier import NAME as TOY
from app.toys.carrier import ToyCarrier


def build_carriers(
    settings: Settings,
    database: Database,
    ids: IdSource,
    membership: Membership,
    engine: Engine,
    transport: httpx.AsyncBaseTransport,
    toy: ToyCarrier | None = None,
) -> Carriers:
    """Make each provider of the settings and, where it can send, its delivery; if one simulates, add its loop.

    ``toy`` stands between the gateway and the simulated handsets; the settings have its provider. Raise SettingsError
    for a second simulator and a default provider that cannot send.
    """
    receipts = Receipts(database, ids)
    network = SimulatedNetwork(database, ids, receipts, membership.share, has_fates=settings.disposable)
    providers = _providers(settings, Surroundings(transport))
    slots = Slots(database, membership, providers)
    beside = CarrierBeside(toy, database, ids, network) if toy else None
    if beside or any(provider.kind == SIMULATOR for provider in providers.values()):
        engine.add("simulated reports", (beside or network).step, work=(Work.REPORTS, ""), is_ours=membership.is_worker)
    deliveries = {
        name: HandsetDelivery(
            database,
            provider,
            receipts,
            network,
            slots,
            settings.policy().quiet_hours,
            membership.share,
            membership.is_worker,
        )
        if provider.kind == SIMULATOR
        else _delivery(settings, providers, name, database, receipts, slots)
        for name, provider in providers.items()
        if provider.can_send
    }
    default = _default_carrier(settings, providers)
    recovery = Recovery(database, deliveries, default.name, membership.providers_elsewhere)
    return Carriers(providers, slots, default, network, receipts, deliveries, recovery, beside)


def settings_beside(settings: Settings, toy: ToyCarrier) -> Settings:
    """Return the settings of a gateway whose messages go through a toy carrier. Raise SettingsError."""
    options = provider_kinds()[toy.kind].model_validate(toy.settings())
    return settings.with_default_provider(TOY, options)


def _delivery(
    settings: Settings,
    providers: dict[str, Provider],
    name: str,
    database: Database,
    receipts: Receipts,
    slots: Slots,
) -> Delivery:
    given, provider = provider_options(settings)[name], providers[name]
    return Delivery(
        database,
        provider,
        receipts,
        slots,
        rate=None if provider.paces_itself else given.rate or provider.default_rate,
        window=given.window or provider.default_window,
        failover_routes=[
            _failover_route(settings, other) for other in providers.values() if _can_fail_over(other, provider)
        ],
        quiet_hours=settings.policy().quiet_hours,
    )


def _can_fail_over(other: Provider, provider: Provider) -> bool:
    return other is not provider and other.can_send and other.can_fail_over and provider.can_fail_over


def _failover_route(settings: Settings, other: Provider) -> FailoverRoute:
    """Return the route over a provider; one with a single number carries only messages from the access number."""
    given = provider_options(settings)[other.name]
    return FailoverRoute(
        other.name, settings.file.access_number if given.single_number else None, tuple(given.prefixes)
    )


def companions(settings: Settings, carriers: Carriers) -> dict[str, Companion]:
    """Return what shows the messages of each provider on the simulated handsets that get its answers."""
    found: dict[str, Companion] = {}
    network = carriers.network
    if settings.default_provider == SIMULATOR or carriers.beside:
        found = {name: network.keep_received for name, one in carriers.providers.items() if not one.can_send}
    return found | {SIMULATOR: network.keep_sent} | ({TOY: network.keep_sent} if carriers.beside else {})


def reply_carriers(settings: Settings, carriers: Carriers) -> dict[str, ProviderTraits]:
    """Return how replies go out, by the provider that the message came from."""
    return {
        name: carrier_of(settings, name) if provider.can_send else carriers.default
        for name, provider in carriers.providers.items()
    }


def provider_options(settings: Settings) -> dict[str, ProviderOptions]:
    """Return the options of all providers by name; those that exist without configuration have the name of a kind."""
    kinds = {**provider_kinds(), PROBE: ProbeProvider.options}
    given = settings.file.providers
    return {name: given.get(name) or kinds[name](kind=name) for name in settings.provider_names()}


def _providers(settings: Settings, around: Surroundings) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for name, options in provider_options(settings).items():
        if options.kind == SIMULATOR and name != SIMULATOR:
            raise SettingsError(f"providers.{name}.kind: the one provider of kind simulator must be named simulator")
        is_probe = options.kind == ProbeProvider.kind
        providers[name] = ProbeProvider(name, options, around) if is_probe else make_provider(name, options, around)
    return providers


def carrier_of(settings: Settings, name: str) -> ProviderTraits:
    """Return what turns know of a provider. Without ``free_mo``, inbound messages are free only in demo and test."""
    given = provider_options(settings)[name]
    free = settings.disposable if given.free_mo is None else given.free_mo
    return ProviderTraits(name, given.single_number, free)


def _default_carrier(settings: Settings, providers: dict[str, Provider]) -> ProviderTraits:
    name = settings.default_provider
    if name is None or not providers[name].can_send:
        able = [other for other, provider in providers.items() if provider.can_send and other != PROBE]
        hint = f"set default_provider to one of: {', '.join(able)}" if able else "configure a provider that can send"
        raise SettingsError(f"default_provider: {'is not set' if name is None else f'{name} cannot send'}; {hint}")
    return carrier_of(settings, name)


# ---- HTTP clients: whoever calls nobody needs not import one


def transport_to_carriers(settings: Settings) -> httpx.AsyncBaseTransport:
    """Return the transport that all providers share."""

    def made() -> httpx.AsyncBaseTransport:
        from app.providers.transport import make_transport  # noqa: PLC0415  for who calls a carrier

        return make_transport()

    return _transport(settings, made)


def transport_to_receivers(settings: Settings) -> httpx.AsyncBaseTransport:
    """Return the transport for events."""

    def made() -> httpx.AsyncBaseTransport:
        from app.services.events.resolving import make_webhook_transport  # noqa: PLC0415  for who posts

        return make_webhook_transport(private=settings.private_webhooks)

    return _transport(settings, made)


def _transport(settings: Settings, make: Callable[[], httpx.AsyncBaseTransport]) -> httpx.AsyncBaseTransport:
    """Return a transport; in demo and test, which may never call anybody, it is made at the first request."""
    return LateTransport(make) if settings.disposable else make()
