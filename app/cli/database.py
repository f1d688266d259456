"""The database that the settings name, for commands that run beside a gateway or before the first one."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.composition import make_database, make_sealer
from app.db.session import Database, normalise_url
from app.domain.storage import StorageUnavailableError
from app.providers import provider_kinds
from app.services.startup import DatabaseOwner, StartError, prepare
from app.settings import Environment, Settings
from app.settings.check import checked_settings


@contextmanager
def unchecked_database() -> Iterator[tuple[Database, DatabaseOwner, Settings]]:
    """Yield the database without checks, the owner that the settings say it has, and the settings.

    Raise StartError if the database cannot be used.
    """
    settings = checked_settings(provider_kinds())
    shown = normalise_url(settings.database_url).render_as_string().replace("+psycopg", "", 1)
    try:
        database = make_database(settings)
        try:
            yield database, DatabaseOwner(settings.env.value, make_sealer(settings, database)), settings
        finally:
            database.close()
    except StorageUnavailableError as error:
        raise StartError(f"SMSGW_DATABASE_URL: the database {shown} cannot be used: {error}.") from None


@contextmanager
def checked_database(*, make: bool = False) -> Iterator[tuple[Database, DatabaseOwner, Settings]]:
    """Yield the database, its owner and the settings. Raise StartError if the owner is another, or without a schema.

    ``make`` creates a missing schema, except in production, where only ``smsgw migrate`` does.
    """
    with unchecked_database() as (database, owner, settings):
        prepare(database, owner, migrate=make and settings.env is not Environment.PRODUCTION)
        yield database, owner, settings
