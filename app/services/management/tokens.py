"""Tokens of the management API and their scopes. Tokens are made on the command line (delivery.md, security)."""

import hashlib
import secrets
from enum import StrEnum

from sqlalchemy import Connection

from app.db import tokens
from app.db.clock import clock_of
from app.db.session import Database
from app.db.tokens import TokenRead
from app.domain.masking import holds_password
from app.domain.values import value
from app.services.paging import Page, PageRequest, page_of_rows

__all__ = ["Caller", "Scope", "TokenError", "TokenRead", "Tokens"]


class Scope(StrEnum):
    """A permission of a token (http-api.md, tokens)."""

    DIRECTORY_WRITE = "directory:write"
    BILLING_WRITE = "billing:write"
    CARE = "care"
    READ = "read"
    ADMIN = "admin"


@value
class Caller:
    """The owner of a token; ``name`` stands in evidence and access records."""

    name: str
    scopes: frozenset[str]

    def may(self, *scopes: Scope) -> bool:
        """Return True if the caller has one of these scopes, or admin."""
        return Scope.ADMIN in self.scopes or any(scope in self.scopes for scope in scopes)


# Accepted in demo and test only, and the log says so: one with every right, and one for each other scope, by which a
# client's tests find out what its own token will be refused.
DEMO_TOKEN = "demo"  # noqa: S105  no secret
DEMO_TOKENS = {
    DEMO_TOKEN: Scope.ADMIN,
    "demo-care": Scope.CARE,
    "demo-billing": Scope.BILLING_WRITE,
    "demo-directory": Scope.DIRECTORY_WRITE,
    "demo-read": Scope.READ,
}


class TokenError(Exception):
    """A token cannot be made or revoked; the message says why."""


class Tokens:
    """Makes, checks and revokes tokens. ``accept_demo`` accepts DEMO_TOKENS."""

    def __init__(self, database: Database, *, accept_demo: bool) -> None:
        self._database = database
        self._accept_demo = accept_demo

    async def caller(self, token: str) -> Caller | None:
        """Return the caller that a token belongs to; None if it is unknown or revoked."""
        if self._accept_demo and token in DEMO_TOKENS:  # they are no secrets
            return Caller(token, frozenset({DEMO_TOKENS[token]}))
        found = await self._database.read(lambda connection: tokens.find_token(connection, _hash_of(token)))
        return Caller(found.name, found.scopes) if found else None

    def create(self, name: str, scopes: frozenset[str]) -> str:
        """Make a token and return it; only its hash is stored.

        Raise TokenError if the name is taken or contains what looks like a service password.
        """
        if holds_password(name):
            raise TokenError("A token's name must not hold what looks like a password; choose another name.")
        token = f"smsgw_{secrets.token_urlsafe(32)}"
        if any(existing.name == name for existing in self.all()):
            raise TokenError(f"There is a token named {name} already; choose another name.")

        def add(connection: Connection) -> None:
            tokens.add_token(connection, TokenRead(name, scopes, clock_of(connection)(), None), _hash_of(token))

        self._database.write_now(add)
        return token

    def all(self) -> list[TokenRead]:
        """Return all tokens, revoked ones included."""
        return self._database.read_now(tokens.list_tokens)

    async def page(self, part: PageRequest) -> Page[TokenRead]:
        """Return tokens, by name, revoked ones included."""
        found = await self._database.read(tokens.list_tokens)
        return page_of_rows(found, part, lambda token: token.name, lambda token: token.created_at)

    def revoke(self, name: str) -> None:
        """Revoke a token by its name. Raise TokenError if there is none in force."""
        if not self._database.write_now(lambda found: tokens.revoke_token(found, name, clock_of(found)())):
            raise TokenError(f"There is no token named {name} in force; see `smsgw token list`.")


def _hash_of(token: str) -> str:
    """Return a plain SHA-256: a token of 256 random bits cannot be guessed from it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
