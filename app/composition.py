"""Composition root of the part that works: database, services, providers and the loops between them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx

from app.commands.collecting import load
from app.commands.router import Router
from app.db.outbox import FailoverRoute
from app.db.session import Database, normalise_url
from app.domain.credentials import sealing_violation
from app.domain.policy import Carrier
from app.providers import KINDS, make_provider
from app.providers.base import Provider, ProviderSettings, Surroundings
from app.providers.fences import Fence
from app.providers.http import make_transport
from app.providers.probe import ProbeProvider
from app.services.delivery.receipts import Receipts
from app.services.delivery.sending import Delivery
from app.services.engine import Engine, Loop
from app.services.events.outgoing_events import Address, OutgoingEvents
from app.services.events.public_addresses import address_violation, make_webhook_transport
from app.services.gateway import Gateway
from app.services.ids import IdSource
from app.services.intake import Intake
from app.services.management.access import Access
from app.services.management.campaigns import Campaigns
from app.services.management.charges import Charges
from app.services.management.directory import Directory
from app.services.management.idempotency import IdempotentCalls
from app.services.management.messages import Messages
from app.services.management.orders import Orders
from app.services.management.quality import Quality
from app.services.management.terms import TermsChanges
from app.services.management.tokens import Tokens
from app.services.sealing import Sealer
from app.services.simulator.fixtures import Fixtures
from app.services.simulator.network import PROVIDER as SIMULATOR
from app.services.simulator.network import SimulatedNetwork
from app.services.simulator.simulation import Simulation
from app.services.startup import DatabaseOwner
from app.services.turns.handling import Turns
from app.services.upkeep.probing import PROVIDER as PROBE
from app.services.upkeep.probing import Probe
from app.services.upkeep.retention import Erasure
from app.settings import ProviderFile, Settings, SettingsError, zone_of


def make_sealer(settings: Settings, database: Database) -> Sealer:
    """With the keys of the settings; elsewhere than in production one of its own is kept beside the SQLite file."""
    keys = settings.seal_keys()
    violation = next(filter(None, map(sealing_violation, keys)), None)
    if violation:
        raise SettingsError(f"SMSGW_SEAL_KEY: {violation}")
    folder = Path(database.url.database).parent if database.is_sqlite and database.url.database else Path("data")
    return Sealer(*keys, key_file=folder / "seal.key")


def build_gateway(settings: Settings) -> Gateway:
    """Put everything together; nothing runs yet. SettingsError where the settings do not fit."""
    database = Database(normalise_url(settings.database_url), may_be_emptied=settings.disposable)
    ids = IdSource()
    engine = Engine()
    try:
        registry = load(settings.file.aliases)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    receipts = Receipts(database, ids)
    network = SimulatedNetwork(database, ids, receipts)
    transport = make_transport()
    providers = _providers(settings, Surroundings(network, transport))
    default = _default_carrier(settings, providers)
    reports = engine.add("simulated reports", network.step)
    deliveries = {
        name: _delivery(settings, providers, name, database, receipts, lambda: _tell_network(network, reports))
        for name, provider in providers.items()
        if provider.can_send
    }
    sealer = make_sealer(settings, database)
    sending: list[Callable[[], None]] = []
    turns = Turns(
        database,
        Router(registry),
        ids,
        sealer,
        replace(settings.policy(), menu=registry.menu),
        {name: _carrier(settings, name) if provider.can_send else default for name, provider in providers.items()},
        default,
        lambda: _wake_all(sending),
    )
    turning = engine.add("turns", turns.step)
    for name, delivery in deliveries.items():
        loop = engine.add(f"delivery to {name}", delivery.step, delivery.finish)
        sending += [delivery.wake, loop.wake]
    intake = Intake(
        database,
        ids,
        sealer,
        allowed_prefixes=tuple(settings.file.allowed_prefixes),
        companions={SIMULATOR: network.keep_sent},
        wake=turning.wake,
    )
    webhooks = make_webhook_transport(private=settings.private_webhooks)
    outgoing = _outgoing_events(settings, database, webhooks, sealer)
    engine.add("events", outgoing.step, outgoing.finish, excluded_from_drain=True)
    campaigns = Campaigns(database, turns, ids)
    campaigns.wake = engine.add("campaigns", campaigns.step).wake
    directory = Directory(
        database, turns, registry, sealer,
        private_webhooks=settings.private_webhooks, own_links=settings.file.own_links,
    )  # fmt: skip
    terms_changes = TermsChanges(database, ids, settings.file.windows.confirmation)
    engine.add("new terms", terms_changes.step)
    fixtures = Fixtures(database, directory, turns)
    return Gateway(
        owner=DatabaseOwner(settings.env.value, sealer),
        disposable=settings.disposable,
        database=database,
        registry=registry,
        providers=providers,
        engine=engine,
        intake=intake,
        turns=turns,
        receipts=receipts,
        network=network,
        simulation=Simulation(database, engine, fixtures.load),
        directory=directory,
        orders=Orders(database, turns),
        terms_changes=terms_changes,
        charges=Charges(database, turns),
        messages=Messages(database, turns, turning, settings.policy().numbers),
        access=Access(database, ids),
        tokens=Tokens(database, ids, accept_demo=settings.disposable),
        idempotent_calls=IdempotentCalls(database, sealer),
        erasure=Erasure(database, settings.kept(), sealer),
        probe=_probe(settings, database, intake),
        fixtures=fixtures,
        deliveries=list(deliveries.values()),
        default_provider=default.name,
        outgoing_events=outgoing,
        campaigns=campaigns,
        quality=Quality(database),
        close_connections=lambda: _close(transport, webhooks),
        ids=ids,
    )


async def _close(*transports: httpx.AsyncBaseTransport) -> None:
    for transport in transports:
        await transport.aclose()


def _outgoing_events(
    settings: Settings, database: Database, transport: httpx.AsyncBaseTransport, sealer: Sealer
) -> OutgoingEvents:
    """With billing's address; SettingsError where it will not do."""
    given, billing = settings.file.billing, None
    private = settings.private_webhooks
    if given.webhook_url is not None and given.secret is not None:
        billing = Address(given.webhook_url, given.secret.get_secret_value())
        violation = address_violation(billing.url, private=private)
        if violation is not None:
            raise SettingsError(f"billing.webhook_url: {violation}")
    return OutgoingEvents(database, transport, sealer, billing, private=private)


def _probe(settings: Settings, database: Database, intake: Intake) -> Probe | None:
    wanted = settings.file.probe
    if wanted is None:
        return None
    return Probe(
        database,
        intake,
        settings.policy().numbers,
        wanted.msisdn,
        every_seconds=wanted.every.total_seconds(),
        within_seconds=wanted.within.total_seconds(),
    )


def _tell_network(network: SimulatedNetwork, reports: Loop) -> None:
    reports.wake()
    network.changed()


def _wake_all(wake_ups: list[Callable[[], None]]) -> None:
    for wake in wake_ups:
        wake()


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
    """In the order of the settings file; a provider with one number carries only what is sent from that."""
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


def _carrier(settings: Settings, name: str) -> Carrier:
    given = settings.provider_table()[name]
    free = settings.disposable if given.free_mo is None else given.free_mo
    return Carrier(name, given.single_number, free)


def _default_carrier(settings: Settings, providers: dict[str, Provider]) -> Carrier:
    name = settings.default_provider
    if name is None or not providers[name].can_send:
        able = [other for other, provider in providers.items() if provider.can_send and other != PROBE]
        hint = f"set default_provider to one of: {', '.join(able)}" if able else "configure a provider that can send"
        raise SettingsError(f"default_provider: {'is not set' if name is None else f'{name} cannot send'}; {hint}")
    return _carrier(settings, name)
