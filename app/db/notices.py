"""Notices between processes: who has stored work wakes the others (PostgreSQL's NOTIFY; ADR 29)."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import URL, Connection, text

from app import observability
from app.db.postgresql import NETWORK
from app.failures import Failures, Kind

_CHANNEL = "smsgw"
_PAUSE_SECONDS = 5.0
_TELL = text(f"SELECT pg_notify('{_CHANNEL}', :who)")
log = observability.logger(__name__)


class Notices:
    """Tells other processes of a PostgreSQL database that there is work, and hears it from them.

    A notice may be lost, while the connection is: the engine looks by itself once a second.
    """

    def __init__(self, url: URL | None, failures: Failures) -> None:
        """``url``: where notices are heard, not through a pooler, which keeps no connection; None: nowhere."""
        self._address = None if url is None else url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._failures = failures
        self._me = secrets.token_hex(8)
        # Somebody else is there to be told.
        self.has_company = False

    def tell(self, connection: Connection) -> None:
        """Wake the other processes when the transaction is committed."""
        if self.has_company:
            connection.execute(_TELL, {"who": self._me})

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call ``heard`` for every notice of others, until cancelled."""
        import psycopg  # noqa: PLC0415  an installation with SQLite alone does not have it

        if self._address is None:
            log.info("notices of other processes are not heard through a pooler; looking once a second")
            return
        tries = 0
        while True:
            with suppress(psycopg.OperationalError):
                connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True, **NETWORK)
                async with connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    tries = 0
                    self._failures.over(Kind.NOTICES_LOST)
                    heard()  # there may have been notices before
                    async for notice in connection.notifies():
                        if notice.payload != self._me:
                            heard()
            tries += 1
            # That the database is away is said by itself, before another try fails.
            if tries > 1 and self._failures.lasts(Kind.DATABASE_AWAY) is None:
                self._failures.met(Kind.NOTICES_LOST, cause="the server takes no connection for them")
            await asyncio.sleep(_PAUSE_SECONDS)
