"""Tokens of the management API: only their hashes are stored."""

from datetime import datetime

from sqlalchemy import Column, Connection, Table, Text, insert, select, update

from app.db.columns import metadata
from app.db.rows import AnyRow
from app.db.types import Instant
from app.domain.values import value

api_token = Table(
    "api_token",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

_token = api_token


@value
class TokenRead:
    """A token without its secret; times are UTC."""

    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None


def add_token(connection: Connection, token: TokenRead, token_hash: str) -> None:
    """Store a new token."""
    values = {
        "name": token.name,
        "token_hash": token_hash,
        "scopes": " ".join(sorted(token.scopes)),
        "created_at": token.created_at,
    }
    connection.execute(insert(_token).values(**values))


def _read(row: AnyRow) -> TokenRead:
    return TokenRead(row.name, frozenset(row.scopes.split()), row.created_at, row.revoked_at)


def find_token(connection: Connection, token_hash: str) -> TokenRead | None:
    """Return the token with this hash; None if there is none or it was revoked."""
    row = connection.execute(
        select(_token).where(_token.c.token_hash == token_hash, _token.c.revoked_at.is_(None))
    ).one_or_none()
    return _read(row) if row else None


def list_tokens(connection: Connection) -> list[TokenRead]:
    """Return all tokens, revoked ones too, oldest first."""
    return [_read(row) for row in connection.execute(select(_token).order_by(_token.c.created_at))]


def revoke_token(connection: Connection, name: str, now: datetime) -> bool:
    """Revoke a token by name. Return False if there is none that is valid."""
    live = (_token.c.name == name, _token.c.revoked_at.is_(None))
    return connection.execute(update(_token).where(*live).values(revoked_at=now)).rowcount == 1
