"""Tokens of the management API and their scopes. Tokens are made on the command line (delivery.md, security)."""

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import Connection

from app.db import tokens
from app.db.clock import clock_of
from app.db.session import Database
from app.db.tokens import USE_NOTED_EVERY, FoundToken, TokenRead
from app.domain.masking import holds_password
from app.domain.storage import StorageUnavailableError
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
    """Makes, checks, replaces and revokes tokens. ``accept_demo`` accepts DEMO_TOKENS."""

    def __init__(self, database: Database, *, accept_demo: bool) -> None:
        self._database = database
        self._accept_demo = accept_demo
        self._noting: dict[str, asyncio.Task[None]] = {}

    # ---- checking

    async def caller(self, token: str) -> Caller | None:
        """Return the caller that a token belongs to; None if it is not accepted, see ``why_refused``."""
        if self._accept_demo and token in DEMO_TOKENS:  # they are no secrets
            return Caller(token, frozenset({DEMO_TOKENS[token]}))
        found, now = await self._database.read(partial(_find, token=token))
        if found is None or _why_refused(found, now):
            return None
        self._note_use(found.token, now)
        return Caller(found.token.name, found.token.scopes)

    async def why_refused(self, token: str) -> str | None:
        """Return in words why a known token is not accepted any more; None for one that is not known."""
        found, now = await self._database.read(partial(_find, token=token))
        return None if found is None else _why_refused(found, now)

    def _note_use(self, token: TokenRead, now: datetime) -> None:
        """Note beside the call that a token is used, at most once a minute; nobody waits for that."""
        is_noted = token.last_used_at is not None and now - token.last_used_at < USE_NOTED_EVERY
        if is_noted or token.name in self._noting:
            return
        task = asyncio.create_task(self._write_use(token.name, now))
        self._noting[token.name] = task
        task.add_done_callback(lambda _: self._noting.pop(token.name, None))

    async def _write_use(self, name: str, now: datetime) -> None:
        try:
            await self._database.write_quietly(lambda connection: tokens.note_use(connection, name, now))
        except StorageUnavailableError:
            return  # the next call notes it

    async def finish(self) -> None:
        """Wait until what is being noted is written."""
        await asyncio.gather(*self._noting.values())

    # ---- the command line

    def create(self, name: str, scopes: frozenset[str], valid_for: timedelta | None = None) -> str:
        """Make a token and return it; only its hash is stored. ``valid_for``: None for ever.

        Raise TokenError if the name is taken or contains what looks like a service password.
        """
        if holds_password(name):
            raise TokenError("A token's name must not hold what looks like a password; choose another name.")
        token = _new_secret()
        if any(existing.name == name for existing in self.all()):
            raise TokenError(f"There is a token named {name} already; choose another name.")

        def add(connection: Connection) -> None:
            now = clock_of(connection)()
            made = TokenRead(name, scopes, now, expires_at=None if valid_for is None else now + valid_for)
            tokens.add_token(connection, made, _hash_of(token))

        self._database.write_now(add)
        return token

    def all(self) -> list[TokenRead]:
        """Return all tokens, revoked ones included."""
        return self._database.read_now(tokens.list_tokens)

    def rotate(self, name: str, overlap: timedelta, valid_for: timedelta | None = None) -> tuple[str, TokenRead]:
        """Give a token another secret, and return that and the token. The secret before it is valid for ``overlap``.

        ``valid_for``: how long the new secret is; None: as long as the token was to be. Raise TokenError if there is no
        such token, or it has expired and ``valid_for`` is None.
        """
        token = _new_secret()

        def replace(connection: Connection) -> TokenRead | None:
            now, found = clock_of(connection)(), tokens.get_token(connection, name)
            if found is None:
                raise TokenError(f"There is no token named {name} in force; see `smsgw token list`.")
            expires_at = found.expires_at if valid_for is None else now + valid_for
            if expires_at is not None and expires_at <= now:
                raise TokenError(f"{name} has expired: say how long the new secret is valid, such as --expires 90d.")
            until = min(filter(None, (now + overlap, found.expires_at)))
            tokens.replace_secret(connection, name, _hash_of(token), until, expires_at)
            return tokens.get_token(connection, name)

        replaced = self._database.write_now(replace)
        assert replaced is not None  # noqa: S101  it was there in this transaction
        return token, replaced

    async def page(self, part: PageRequest) -> Page[TokenRead]:
        """Return tokens, by name, revoked ones included."""
        found = await self._database.read(tokens.list_tokens)
        return page_of_rows(found, part, lambda token: token.name, lambda token: token.created_at)

    def revoke(self, name: str) -> None:
        """Revoke a token by its name. Raise TokenError if there is none in force."""
        if not self._database.write_now(lambda found: tokens.revoke_token(found, name, clock_of(found)())):
            raise TokenError(f"There is no token named {name} in force; see `smsgw token list`.")


def _find(connection: Connection, *, token: str) -> tuple[FoundToken | None, datetime]:
    return tokens.find_token(connection, _hash_of(token)), clock_of(connection)()


def _why_refused(found: FoundToken, now: datetime) -> str | None:
    token = found.token
    if token.revoked_at is not None:
        return f"The token {token.name} was revoked."
    if token.expires_at is not None and token.expires_at <= now:
        at = f"{token.expires_at:%Y-%m-%d %H:%M} UTC"
        return (
            f"The token {token.name} expired on {at}: `smsgw token rotate {token.name} --expires 90d` makes a new one."
        )
    if found.is_replaced and (token.replaced_until is None or token.replaced_until <= now):
        return f"The token {token.name} has a new secret, and this one is not valid any more."
    return None


def _new_secret() -> str:
    return f"smsgw_{secrets.token_urlsafe(32)}"


def _hash_of(token: str) -> str:
    """Return a plain SHA-256: a token of 256 random bits cannot be guessed from it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
