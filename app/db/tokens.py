"""Tokens of the management API: only their hashes are stored. All times are by the database's clock."""

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Index, Table, Text, insert, or_, select, update

from app.db.columns import metadata, optional
from app.db.rows import AnyRow
from app.db.types import Instant
from app.domain.values import value

# ``replaced_hash``: of the secret that the present one replaced, which is accepted until ``replaced_until``.
api_token = Table(
    "api_token",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    *optional(Instant, "revoked_at", "expires_at", "last_used_at", "replaced_until"),
    Column("replaced_hash", Text),
    Index("ix_api_token_replaced_hash", "replaced_hash", unique=True),
)
# How exactly it is noted when a token was last used.
USE_NOTED_EVERY = timedelta(minutes=1)

_token = api_token


@value
class TokenRead:
    """A token without its secret; times are UTC.

    Attributes:
        created_at: when it was made, under this name.
        revoked_at: from when on it is refused, by `smsgw token revoke`.
        expires_at: from when on it is refused by itself; None: never.
        last_used_at: to the minute; None: never, since that is noted.
        replaced_until: until when the secret before the present one is accepted, too.
    """

    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    replaced_until: datetime | None = None


@value
class FoundToken:
    """A token as it was found by a secret; ``is_replaced``: by the one before the present one."""

    token: TokenRead
    is_replaced: bool


def add_token(connection: Connection, token: TokenRead, token_hash: str) -> None:
    """Store a new token."""
    values = {
        "name": token.name,
        "token_hash": token_hash,
        "scopes": " ".join(sorted(token.scopes)),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }
    connection.execute(insert(_token).values(**values))


def _read(row: AnyRow) -> TokenRead:
    return TokenRead(
        row.name,
        frozenset(row.scopes.split()),
        row.created_at,
        row.revoked_at,
        row.expires_at,
        row.last_used_at,
        row.replaced_until,
    )


def find_token(connection: Connection, token_hash: str) -> FoundToken | None:
    """Return the token with this hash, also one that is refused by now; None if there is none."""
    either = or_(_token.c.token_hash == token_hash, _token.c.replaced_hash == token_hash)
    row = connection.execute(select(_token).where(either)).one_or_none()
    return FoundToken(_read(row), is_replaced=row.token_hash != token_hash) if row else None


def list_tokens(connection: Connection) -> list[TokenRead]:
    """Return all tokens, revoked ones too, oldest first."""
    return [_read(row) for row in connection.execute(select(_token).order_by(_token.c.created_at))]


def get_token(connection: Connection, name: str) -> TokenRead | None:
    """Return the token of this name, if it was not revoked."""
    row = connection.execute(select(_token).where(_token.c.name == name, _token.c.revoked_at.is_(None))).one_or_none()
    return _read(row) if row else None


def revoke_token(connection: Connection, name: str, now: datetime) -> bool:
    """Revoke a token by name, with both its secrets. Return False if there is none that is valid."""
    live = (_token.c.name == name, _token.c.revoked_at.is_(None))
    return connection.execute(update(_token).where(*live).values(revoked_at=now)).rowcount == 1


def replace_secret(
    connection: Connection, name: str, token_hash: str, replaced_until: datetime, expires_at: datetime | None
) -> None:
    """Give a token another secret; the present one is accepted until ``replaced_until``, one before that no more."""
    changed = {
        "token_hash": token_hash,
        "replaced_hash": _token.c.token_hash,
        "replaced_until": replaced_until,
        "expires_at": expires_at,
    }
    connection.execute(update(_token).where(_token.c.name == name).values(changed))


def note_use(connection: Connection, name: str, now: datetime) -> None:
    """Note that a token was used, unless that was noted within the last minute."""
    is_old = or_(_token.c.last_used_at.is_(None), _token.c.last_used_at <= now - USE_NOTED_EVERY)
    connection.execute(update(_token).where(_token.c.name == name, is_old).values(last_used_at=now))
