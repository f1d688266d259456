"""The revision of a database's schema and those that this program knows, without Alembic, which only migrations need.

The file of a revision is named after it: ``0001_first_schema.py``.
"""

from enum import Enum, auto
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from app.db.state import oldest_program

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


def stamp(connection: Connection) -> None:
    """Note in a database without a revision that its schema is the newest one, as Alembic does."""
    connection.execute(
        text(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest_revision()})


class Fit(Enum):
    """How the schema of a database fits this program."""

    EMPTY = auto()
    OLDER = auto()
    SAME = auto()
    NEWER_COMPATIBLE = auto()
    TOO_NEW = auto()


def fit_of(connection: Connection) -> Fit:
    """Return how the schema fits. A newer one says which programs may go on beside the newer ones (ADR 30)."""
    revision = current_revision(connection)
    if revision is None:
        return Fit.EMPTY
    if revision == newest_revision():
        return Fit.SAME
    if revision in known_revisions():
        return Fit.OLDER
    return Fit.NEWER_COMPATIBLE if oldest_program(connection) in known_revisions() else Fit.TOO_NEW
