"""The carriers' part of the gateway, built from the settings: providers, deliveries, the simulated network."""

from collections.abc import Callable

import httpx

from app.db.recovery import FailoverRoute
from app.db.session import Database
from app.domain.policy import ProviderTraits
from app.providers import KINDS, make_provider
from app.providers.base import Provider, ProviderSettings, Surroundings
from app.providers.fences import Fence
from app.providers.probe import ProbeProvider
from app.services.delivery.receipts import Receipts
from app.services.delivery.sending import Delivery
from app.services.engine import Engine
from app.services.gateway import Carriers
from app.services.ids import IdSource
from app.services.simulator.network import PROVIDER as SIMULATOR
from app.services.simulator.network import SimulatedNetwork
from app.services.upkeep.probing import PROVIDER as PROBE
from app.settings import ProviderFile, Settings, SettingsError, zone_of


def build_carriers(
    settings: Settings, database: Database, ids: IdSource, engine: Engine, transport: httpx.AsyncBaseTransport
) -> Carriers:
    """Make each provider of the settings and, where it can send, its delivery; add the simulated network's loop.

    Raise SettingsError for an unknown kind, a setting that its kind refuses, and a default provider that cannot send.
    """
    receipts = Receipts(database, ids)
    network = SimulatedNetwork(database, ids, receipts)
    providers = _providers(settings, Surroundings(network, transport))
    reports = engine.add("simulated reports", network.step)

    def wake_reports() -> None:
        reports.wake()
        network.changed()

    deliveries = {
        name: _delivery(settings, providers, name, database, receipts, wake_reports)
        for name, provider in providers.items()
        if provider.can_send
    }
    return Carriers(providers, _default_carrier(settings, providers), network, receipts, deliveries)


def _delivery(
    settings: Settings,
    providers: dict[str, Provider],
    name: str,
    database: Database,
    receipts: Receipts,
    wake_reports: Callable[[], None],
) -> Delivery:
    given, provider = settings.provider_table()[name], providers[name]
    return Delivery(
        database,
        provider,
        receipts,
        wake_reports,
        rate=given.rate or provider.default_rate,
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
    given = settings.provider_table()[other.name]
    return FailoverRoute(
        other.name, settings.file.access_number if given.single_number else None, tuple(given.prefixes)
    )


def _providers(settings: Settings, around: Surroundings) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for name, given in settings.provider_table().items():
        if given.kind == ProbeProvider.kind and name == PROBE:
            providers[name] = ProbeProvider(name)
            continue
        if given.kind not in KINDS:
            raise SettingsError(f"providers.{name}.kind: {given.kind!r} is not one of: {', '.join(KINDS)}")
        if given.kind == SIMULATOR and name != SIMULATOR:
            raise SettingsError(f"providers.{name}.kind: the one provider of kind simulator must be named simulator")
        providers[name] = make_provider(_provider_settings(name, given), around)
    return providers


def _provider_settings(name: str, given: ProviderFile) -> ProviderSettings:
    return ProviderSettings(
        name,
        given.kind,
        given.secrets(),
        Fence(given.path_tokens(), given.allowed_ips, given.credentials()),
        given.send_url,
        given.on_unknown == "resend",
        given.timeout.total_seconds(),
        given.numbers,
        zone_of(given.time_zone),
    )


def carrier_of(settings: Settings, name: str) -> ProviderTraits:
    """Return what turns know of a provider. Without ``free_mo``, inbound messages are free only in demo and test."""
    given = settings.provider_table()[name]
    free = settings.disposable if given.free_mo is None else given.free_mo
    return ProviderTraits(name, given.single_number, free)


def _default_carrier(settings: Settings, providers: dict[str, Provider]) -> ProviderTraits:
    name = settings.default_provider
    if name is None or not providers[name].can_send:
        able = [other for other, provider in providers.items() if provider.can_send and other != PROBE]
        hint = f"set default_provider to one of: {', '.join(able)}" if able else "configure a provider that can send"
        raise SettingsError(f"default_provider: {'is not set' if name is None else f'{name} cannot send'}; {hint}")
    return carrier_of(settings, name)
