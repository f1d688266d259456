"""Composition root: the gateway without its web part, in builders for storage, turns, management and upkeep."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx

from app.carriers import build_carriers, companions, reply_carriers, transport_to_carriers, transport_to_receivers
from app.commands.collecting import load
from app.commands.registry import Registry
from app.commands.router import Router
from app.db.due import Work
from app.db.postgresql import Sessions
from app.db.session import Database, is_volatile, normalise_url
from app.domain.credentials import sealing_violation
from app.failures import Failures
from app.services.delivery.binds import Binds
from app.services.delivery.health import Health
from app.services.delivery.inbox import ProviderInbox
from app.services.engine import Engine
from app.services.events.outgoing_events import Address, OutgoingEvents
from app.services.events.public_addresses import address_violation
from app.services.gateway import Carriers, Gateway, Management, Simulator, Storage, Turning, Upkeep
from app.services.ids import IdSource
from app.services.intake import Intake, Source
from app.services.management.access import Access
from app.services.management.campaigns import Campaigns
from app.services.management.charges import Charges
from app.services.management.directory import Directory
from app.services.management.idempotency import IdempotentCalls
from app.services.management.messages import Messages
from app.services.management.orders import Orders
from app.services.management.quality import Quality
from app.services.management.reading import Reading
from app.services.management.terms import TermsChanges
from app.services.management.tickets import Tickets
from app.services.management.tokens import Tokens
from app.services.management.usage import Usage
from app.services.membership import Membership
from app.services.sealing import Sealer
from app.services.simulator.advancing import Advance
from app.services.simulator.delivery import HandsetDelivery
from app.services.simulator.fixtures import Fixtures
from app.services.simulator.inspecting import Inspector
from app.services.simulator.network import PROVIDER as SIMULATOR
from app.services.simulator.simulation import Simulation
from app.services.simulator.threads import Threads
from app.services.startup import DatabaseOwner
from app.services.turns.handling import Turns
from app.services.turns.stimuli import StimulusFactory
from app.services.upkeep.daily import daily_tasks
from app.services.upkeep.erasure import Erasure
from app.services.upkeep.probing import Probe
from app.services.upkeep.schedule import Schedule
from app.services.upkeep.watching import Watch
from app.services.worker_number import WorkerNumber
from app.settings import Settings, SettingsError
from app.toys.carrier import ToyCarrier


def build_gateway(
    settings: Settings, transport: httpx.AsyncBaseTransport | None = None, toy: ToyCarrier | None = None
) -> Gateway:
    """Put everything together; nothing runs yet. Raise SettingsError where the settings do not fit.

    ``transport`` leads to carriers and to receivers of events; None: HTTP. ``toy`` is a carrier beside the gateway,
    which the settings know.
    """
    # In this order `smsgw config check` names what does not fit.
    database = make_database(settings, may_be_emptied=settings.disposable, failures=Failures())
    ids = IdSource(leased=True, micros=database.clock.micros)
    number = WorkerNumber(database, ids)
    membership = Membership(database, number, settings.provider_names())
    engine = Engine(database, membership.share)
    registry = _registry(settings)
    to_carriers = transport or transport_to_carriers(settings)
    to_receivers = transport or transport_to_receivers(settings)
    carriers = build_carriers(settings, database, ids, membership, engine, to_carriers, toy)
    sealer = make_sealer(settings, database)
    owner = DatabaseOwner(settings.env.value, sealer)
    storage = Storage(database, owner, ids, number, membership, sealer)
    turning = _turning(settings, storage, registry, carriers, engine)
    events = _outgoing_events(settings, storage, carriers, engine, to_receivers)
    management = _management(settings, storage, turning, events, engine)
    return Gateway(
        disposable=settings.disposable,
        engine=engine,
        storage=storage,
        carriers=carriers,
        turning=turning,
        binds=Binds(carriers.slots, carriers.providers, turning.inboxes),
        management=management,
        upkeep=_upkeep(settings, storage, carriers, turning),
        simulator=_simulator(settings, storage, carriers, turning, management, engine),
        close_connections=lambda: _close(to_carriers, to_receivers),
    )


# ---- storage


def make_database(settings: Settings, *, may_be_emptied: bool = False, failures: Failures | None = None) -> Database:
    """Return the database that the settings name; the arguments are those of ``Database``. Nothing connects yet.

    Raise SettingsError if commits would not last and the environment needs them to.
    """
    heard_at = normalise_url(settings.database_direct_url) if settings.database_direct_url else None
    sessions = Sessions(settings.database_connections, settings.database_pooled, heard_at)
    url = normalise_url(settings.database_url)
    if is_volatile(url) and not settings.disposable:
        raise SettingsError("SMSGW_DATABASE_URL: synchronous=off may lose messages; it is for demo and test, remove it")
    return Database(url, may_be_emptied=may_be_emptied, sessions=sessions, failures=failures)


def make_sealer(settings: Settings, database: Database) -> Sealer:
    """Return a sealer with the keys of the settings; raise SettingsError for one that is none.

    Without keys, it keeps one of its own beside the SQLite file, or in ``data``.
    """
    keys = settings.seal_keys()
    violation = next(filter(None, map(sealing_violation, keys)), None)
    if violation:
        raise SettingsError(f"SMSGW_SEAL_KEY: {violation}")
    folder = Path(database.url.database).parent if database.is_sqlite and database.url.database else Path("data")
    return Sealer(*keys, key_file=folder / "seal.key")


async def _close(*transports: httpx.AsyncBaseTransport) -> None:
    for transport in transports:
        await transport.aclose()


# ---- turns


def _turning(settings: Settings, storage: Storage, registry: Registry, carriers: Carriers, engine: Engine) -> Turning:
    membership = storage.membership
    traits = reply_carriers(settings, carriers)
    turns = Turns(
        storage.database,
        Router(registry),
        storage.ids,
        storage.sealer,
        replace(settings.policy(), keywords=registry.all_keywords, menu=registry.menu),
        StimulusFactory(storage.sealer, traits, carriers.default),
        carriers.deliveries,
        membership,
    )
    loop = engine.add("turns", turns.step, work=(Work.TURNS, ""), is_ours=membership.is_worker)
    for name, delivery in carriers.deliveries.items():
        title, work = f"delivery to {name}", (Work.DELIVERY, name)
        added = engine.add(
            title, delivery.step, delivery.finish, work=work, interrupt=delivery.wake, is_ours=delivery.is_ours
        )
        delivery.wake_loop = added.wake

    def stored() -> None:
        loop.wake()
        carriers.network.changed()

    intake = Intake(
        storage.database,
        storage.ids,
        storage.sealer,
        allowed_prefixes=tuple(settings.file.allowed_prefixes),
        companions=companions(settings, carriers),
        wake=stored,
        owner=membership.owner,
    )
    inboxes = {
        name: ProviderInbox(Source(name, one.numbers, one.zone), intake, carriers.receipts, carriers.slots)
        for name, one in carriers.providers.items()
    }
    return Turning(registry, intake, inboxes, turns)


def _registry(settings: Settings) -> Registry:
    try:
        return load(settings.file.aliases)
    except ValueError as error:
        raise SettingsError(str(error)) from None


# ---- management


def _management(
    settings: Settings, storage: Storage, turning: Turning, events: OutgoingEvents, engine: Engine
) -> Management:
    database, ids, sealer, turns = storage.database, storage.ids, storage.sealer, turning.turns
    duty = storage.membership.wants
    is_held = partial(storage.membership.is_held, duty="campaigns")
    campaigns = Campaigns(database, turns, ids, is_held)
    engine.add("campaigns", campaigns.step, work=(Work.CAMPAIGNS, ""), is_ours=duty("campaigns"))
    terms_changes = TermsChanges(database, ids, settings.file.windows.confirmation)
    engine.add("new terms", terms_changes.step, work=(Work.NEW_TERMS, ""), is_ours=duty("new terms"))
    private, own_links = settings.private_webhooks, settings.file.own_links
    return Management(
        access=Access(database, ids),
        campaigns=campaigns,
        charges=Charges(database, turns),
        directory=Directory(database, turns, turning.registry, sealer, private_webhooks=private, own_links=own_links),
        events=events,
        idempotent_calls=IdempotentCalls(database, sealer),
        messages=Messages(database, turns, settings.policy().numbers),
        orders=Orders(database, turns),
        quality=Quality(database),
        reading=Reading(database, sealer),
        terms_changes=terms_changes,
        tickets=Tickets(database, turns),
        tokens=Tokens(database, accept_demo=settings.disposable),
        usage=Usage(turns),
    )


def _outgoing_events(
    settings: Settings, storage: Storage, carriers: Carriers, engine: Engine, transport: httpx.AsyncBaseTransport
) -> OutgoingEvents:
    """Make the sender of events and its loop. Raise SettingsError if the gateway may not post to billing's address."""
    given, billing = settings.file.billing, None
    private = settings.private_webhooks
    if given.webhook_url is not None and given.secret is not None:
        billing = Address(given.webhook_url, given.secret.get_secret_value())
        violation = address_violation(billing.url, private=private)
        if violation is not None:
            raise SettingsError(f"billing.webhook_url: {violation}")
    events = OutgoingEvents(storage.database, transport, storage.sealer, billing, private=private)
    engine.add(
        "events",
        events.step,
        events.finish,
        work=(Work.EVENTS, ""),
        interrupt=events.interrupt,
        is_ours=storage.membership.wants("events"),
        excluded_from_drain=True,
    )
    _end_lost_leases(carriers, events, engine, storage.membership.wants("lost leases"))
    return events


def _end_lost_leases(carriers: Carriers, events: OutgoingEvents, engine: Engine, is_ours: Callable[[], bool]) -> None:
    """Add the loop that goes on with what workers that died had leased."""

    async def step() -> bool:
        await carriers.recovery.end_leases()
        await events.end_lapsed_leases()
        return False

    engine.add("lost leases", step, work=(Work.LEASES, ""), is_ours=is_ours, excluded_from_drain=True)


# ---- upkeep and simulator


def _upkeep(settings: Settings, storage: Storage, carriers: Carriers, turning: Turning) -> Upkeep:
    erasure = Erasure(storage.database, settings.kept(), storage.sealer)
    tasks = daily_tasks(storage.database, settings.schedule(), settings.spans(), settings.kept(), storage.owner.heads)
    schedule = Schedule(storage.database, storage.membership, tasks)
    health, probe = Health(storage.database, carriers.slots.all), _probe(settings, storage, turning.intake)
    return Upkeep(erasure, health, probe, schedule, Watch(storage.database))


def _probe(settings: Settings, storage: Storage, intake: Intake) -> Probe | None:
    wanted = settings.file.probe
    if wanted is None:
        return None
    return Probe(
        storage.database,
        intake,
        settings.policy().numbers,
        wanted.msisdn,
        every_seconds=wanted.every.total_seconds(),
        within_seconds=wanted.within.total_seconds(),
        is_ours=storage.membership.wants("probe"),
    )


def _simulator(
    settings: Settings,
    storage: Storage,
    carriers: Carriers,
    turning: Turning,
    management: Management,
    engine: Engine,
) -> Simulator:
    found = carriers.deliveries.get(SIMULATOR)
    delivery = found if isinstance(found, HandsetDelivery) else None
    advance = Advance(storage.database, engine, turning.turns, carriers.network, delivery)
    fixtures = Fixtures(storage.database, management.directory, turning.turns)
    simulation = Simulation(storage.database, engine, advance, fixtures.load)
    traits = reply_carriers(settings, carriers)
    inspector = Inspector(storage.database, turning.registry, settings.policy(), traits)
    threads = Threads(storage.database, turning.registry.questions, settings.policy().numbers)
    return Simulator(simulation, fixtures, inspector, threads)
