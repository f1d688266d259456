"""Two gateways behind PgBouncer in transaction mode: the same dialogues as without it."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.crash.calls import drain, prepare, send, texts
from tests.crash.process import free_port, processes_of
from tests.programs import program

NUMBERS = [f"+86138001382{place:02}" for place in range(20)]
STARTS_WITHIN_SECONDS = 30
SETTINGS = """\
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
"""


@contextmanager
def pooler(server_url: str) -> Iterator[str]:
    """Run PgBouncer before a server; yield the URL of the same database through it."""
    server, port = conninfo_to_dict(server_url), free_port()
    command = [program("pgbouncer", package="the package pgbouncer")]
    if os.geteuid() == 0:  # it refuses to run as root
        command += ["-u", Path(str(server["host"]), f".s.PGSQL.{server.get('port') or 5432}").owner()]
    with tempfile.TemporaryDirectory(prefix="smsgw-tests-") as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            SETTINGS.format(host=server["host"], port=server.get("port") or 5432, user=server["user"], own_port=port)
        )
        settings.chmod(0o644)
        Path(folder).chmod(0o755)
        with subprocess.Popen([*command, settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                url = f"postgresql://{server['user']}@127.0.0.1:{port}/{server['dbname']}"
                wait_for(url, running)
                yield url
            finally:
                running.kill()


def wait_for(url: str, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            assert running.poll() is None, "pgbouncer ended"
            assert time.monotonic() < deadline, "pgbouncer does not answer"
            time.sleep(0.1)
        else:
            return


@pytest.mark.parametrize("is_direct", [True, False], ids=["notices heard", "no direct address"])
def test_two_gateways_behind_a_pooler_answer_once_and_in_order(
    unused_postgresql_url: str, tmp_path: Path, *, is_direct: bool
) -> None:
    direct = {"SMSGW_DATABASE_DIRECT_URL": unused_postgresql_url} if is_direct else {}
    with (
        ThreadPoolExecutor(8) as pool,
        pooler(unused_postgresql_url) as url,
        processes_of(["serve"] * 2, url, tmp_path, SMSGW_DATABASE_POOLED="true", **direct) as gateways,
    ):
        prepare(gateways[0], NUMBERS)

        def handset(number: str) -> None:
            for place in range(8):  # more than psycopg executes before it prepares a statement
                send(gateways[place % 2], number, "0000" if place % 2 else "你好")

        list(pool.map(handset, NUMBERS))
        drain(gateways[0])

        found = {tuple(texts(gateways[1], number)) for number in NUMBERS}
        assert len(found) == 1, "each got the same answers in the same order"
        assert len(found.pop()) == 8
