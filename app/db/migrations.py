"""Migrate a database to the newest schema, or back (Alembic)."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from app.db.postgresql import allow_long_statements
from app.db.revisions import MIGRATIONS


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run pending migrations; the caller's transaction commits them."""
    allow_long_statements(connection)
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Undo migrations down to ``revision``, which stays applied."""
    allow_long_statements(connection)
    command.downgrade(_config(connection), revision)
