"""Alembic's entry point: run migrations on the connection that the caller passed, or on SMSGW_DATABASE_URL."""

import os
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlalchemy.types import Text

from app.db import partitions, schema
from app.db.session import make_engine, normalise_url
from app.db.types import Instant


def render_item(kind: str, item: object, _autogen: AutogenContext) -> str | Literal[False]:
    """Render custom types as plain ones, so that old migrations do not change with the program."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, Text) and item._variant_mapping:  # noqa: SLF001  no public way to ask
        return "ID"
    return False


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out partitions, which tables have more and more of."""
    return kind != "table" or not partitions.is_partition(name or "")


def run(connection: Connection) -> None:
    """Run the requested migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_item=render_item,
        render_as_batch=False,
        include_name=include_name,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = make_engine(normalise_url(os.environ.get("SMSGW_DATABASE_URL", "sqlite:///./data/gateway.db")))
    with engine.connect() as own:
        run(own)
        own.commit()
    engine.dispose()
