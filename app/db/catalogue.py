"""The catalogue of SPs and services: small shared tables that are always read whole."""

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, Table, Text, exists, func, select

from app.db.columns import metadata, optional, required
from app.db.readers import RowReader
from app.db.state import bump_catalogue, current_state
from app.db.subscriptions import subscription
from app.db.writing import upsert_rows
from app.domain.catalogue import Catalogue, PastPrice, Service, ServiceProvider

service_provider = Table(
    "service_provider",
    metadata,
    Column("sp_code", Text, primary_key=True),
    *required(Text, "name", "short_name", "service_phone"),
    Column("own", Boolean, nullable=False),
    *optional(Text, "webhook_url", "sealed_webhook_secret", "confirm_mode"),
)

service = Table(
    "service",
    metadata,
    Column("service_code", Text, primary_key=True),
    *required(Text, "name", "sp_code", "billing", "cancel_effect"),
    Column("price_fen", BigInteger, nullable=False),
    Column("cancellable_by_sms", Boolean, nullable=False),
    *optional(Text, "cancel_how", "cancel_warning", "past_prices"),
    Column("order_keyword", Text, unique=True),
    *required(Boolean, "on_offer", "visible"),
    Column("trial_days", Integer, nullable=False),
    Column("sms_closed_after", BigInteger),
)

_PAST_PRICES = TypeAdapter(tuple[PastPrice, ...])
_PROVIDER = RowReader(ServiceProvider, service_provider)
_SERVICE = RowReader(Service, service, past_prices=func.coalesce(service.c.past_prices, "[]"))
_PROVIDERS = select(*_PROVIDER.columns)
_SERVICES = select(*_SERVICE.columns)


def load_catalogue(connection: Connection) -> Catalogue:
    """Return the whole catalogue with its version."""
    version = current_state(connection).catalogue_version
    providers = map(_PROVIDER.read, connection.execute(_PROVIDERS))
    services = map(_SERVICE.read, connection.execute(_SERVICES))
    return Catalogue.of(version, list(providers), list(services))


_provider = service_provider.c
_WEBHOOKS = select(_provider.sp_code, _provider.webhook_url, _provider.sealed_webhook_secret).where(
    _provider.webhook_url.is_not(None), _provider.sealed_webhook_secret.is_not(None)
)


def webhooks(connection: Connection) -> list[tuple[str, str, str]]:
    """Return the webhooks of SPs: SP code, URL and encrypted secret."""
    return [(row.sp_code, row.webhook_url, row.sealed_webhook_secret) for row in connection.execute(_WEBHOOKS)]


def put_service_provider(connection: Connection, provider: ServiceProvider, sealed_webhook_secret: str | None) -> None:
    """Create or replace an SP."""
    row = {
        "sp_code": provider.sp_code,
        "name": provider.name,
        "short_name": provider.short_name,
        "service_phone": provider.service_phone,
        "own": provider.own,
        "webhook_url": provider.webhook_url,
        "sealed_webhook_secret": sealed_webhook_secret,
        "confirm_mode": provider.confirm_mode,
    }
    upsert_rows(connection, service_provider, [row], ("sp_code",))
    bump_catalogue(connection)


def put_service(connection: Connection, item: Service) -> None:
    """Create or replace a service."""
    row = {name: getattr(item, name) for name in service.c.keys()}  # noqa: SIM118  a column collection, not a dict
    row["past_prices"] = _PAST_PRICES.dump_json(item.past_prices).decode() if item.past_prices else None
    upsert_rows(connection, service, [row], ("service_code",))
    bump_catalogue(connection)


def is_held(connection: Connection, service_code: str) -> bool:
    """Return True if any subscriber has a service; one index look-up (safety.md 3)."""
    held = subscription.c
    statement = select(exists().where(held.service_code == service_code, held.state != "ended"))
    return bool(connection.execute(statement).scalar())
