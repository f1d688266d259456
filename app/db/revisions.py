"""The revision of a database's schema and those that this program knows, without Alembic, which only migrations need.

The file of a revision is named after it: ``0001_first_schema.py``.
"""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parents[2] / "migrations"


@cache
def known_revisions() -> tuple[str, ...]:
    """Return the revisions that this program knows, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")))


def newest_revision() -> str:
    """Return the revision that this program needs."""
    return known_revisions()[-1]


def current_revision(connection: Connection) -> str | None:
    """Return the revision of a database; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
