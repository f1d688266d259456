"""The database of the settings, as commands use it beside a gateway or before there is one."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.composition import make_sealer
from app.db.session import Database, normalise_url
from app.services.startup import DatabaseOwner, prepare
from app.settings import Environment, Settings
from app.settings.check import checked_settings


@contextmanager
def unchecked_database() -> Iterator[tuple[Database, DatabaseOwner, Settings]]:
    """The database as it is, and whose it ought to be."""
    settings = checked_settings()
    database = Database(normalise_url(settings.database_url))
    try:
        yield database, DatabaseOwner(settings.env.value, make_sealer(settings, database)), settings
    finally:
        database.close()


@contextmanager
def checked_database(*, make: bool = False) -> Iterator[tuple[Database, DatabaseOwner, Settings]]:
    """The database with the mark of its owner; StartError if it is not his, or has no schema.

    ``make``: one that holds nothing of value gets its schema; production is migrated on purpose.
    """
    with unchecked_database() as (database, owner, settings):
        prepare(database, owner, migrate=make and settings.env is not Environment.PRODUCTION)
        yield database, owner, settings
