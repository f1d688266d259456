"""Who may call the management API: tokens with scopes, made on the command line (delivery.md, security)."""

import hashlib
import secrets
from datetime import UTC, datetime
from enum import StrEnum

from app.db import tokens
from app.db.session import Database
from app.db.tokens import TokenRead
from app.domain.masking import holds_password
from app.domain.values import value
from app.services.ids import IdSource

DEMO_TOKEN = "demo"  # noqa: S105  accepted in demo and test only, and the log says so


class Scope(StrEnum):
    """What a token may do (http-api.md)."""

    DIRECTORY_WRITE = "directory:write"
    BILLING_WRITE = "billing:write"
    CARE = "care"
    READ = "read"
    ADMIN = "admin"


@value
class Caller:
    """Who calls, for the evidence and the access records."""

    name: str
    scopes: frozenset[str]

    def may(self, *scopes: Scope) -> bool:
        """Whether one of these scopes, or admin, was given."""
        return Scope.ADMIN in self.scopes or any(scope in self.scopes for scope in scopes)


class TokenError(Exception):
    """A token cannot be made or revoked; the words say why."""


class Tokens:
    """Makes, checks and revokes tokens."""

    def __init__(self, database: Database, ids: IdSource, *, accept_demo: bool) -> None:
        self._database = database
        self._ids = ids
        self._accept_demo = accept_demo

    async def caller(self, token: str) -> Caller | None:
        """Who a token belongs to; None if it is unknown or revoked."""
        if self._accept_demo and secrets.compare_digest(token.encode(), DEMO_TOKEN.encode()):
            return Caller("demo", frozenset({Scope.ADMIN}))
        found = await self._database.read(lambda connection: tokens.find_token(connection, _hash_of(token)))
        return Caller(found.name, found.scopes) if found else None

    def create(self, name: str, scopes: frozenset[str]) -> str:
        """Make a token and return it, the only time that it can be seen; TokenError if the name is taken."""
        if holds_password(name):
            raise TokenError("A token's name must not hold what looks like a password; choose another name.")
        token = f"smsgw_{secrets.token_urlsafe(32)}"
        if any(existing.name == name for existing in self.all()):
            raise TokenError(f"There is a token named {name} already; choose another name.")
        row = TokenRead(next(self._ids), name, scopes, datetime.now(UTC), None)
        self._database.write_now(lambda connection: tokens.add_token(connection, row, _hash_of(token)))
        return token

    def all(self) -> list[TokenRead]:
        """All tokens."""
        return self._database.write_now(tokens.list_tokens)

    def revoke(self, name: str) -> None:
        """Revoke a token by its name; TokenError if there is none in force."""
        if not self._database.write_now(lambda connection: tokens.revoke_token(connection, name, datetime.now(UTC))):
            raise TokenError(f"There is no token named {name} in force; see `smsgw token list`.")


def _hash_of(token: str) -> str:
    """Tokens are 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
