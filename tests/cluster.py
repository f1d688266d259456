"""Test web and two workers on one PostgreSQL or Citus database: the conformance suite, and the tests of many processes.

``make citus-test DATABASE_URL=postgresql://…`` runs it on a cluster. Everything in that database is deleted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from app.db import distributing, migrations
from app.db.distributing import NotDistributableError
from app.db.session import Database, normalise_url
from tests.crash.process import processes_of
from tests.databases import copy_of, make_templates, postgresql

_ROOT = Path(__file__).parents[1]
_SUITE = _ROOT.parent / "shared" / "conformance" / "run.py"
_OF_PROCESSES = (
    "tests/crash/test_roles.py",
    "tests/services/test_membership.py",
    "tests/services/turns/test_order.py",
    "tests/services/upkeep/test_retention.py",
)
_ROLES = ("web", "worker", "worker")
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    " AND NOT relispartition AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')"
)
_DISPOSABLE = ("test", "demo")
# Few, as each statement that does not name its buckets asks all of them.
SHARDS = 4


def empty(url: str) -> None:
    """Drop all tables of a database. Raise NotDistributableError if it is worth something."""
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('public.gateway_state')").fetchone() != (None,):
            mark = connection.execute("SELECT environment FROM public.gateway_state").fetchone()
            if mark is not None and mark[0] not in _DISPOSABLE:
                raise NotDistributableError(f"it belongs to {mark[0]}, and would be emptied: name an empty one")
        names = [row[0] for row in connection.execute(_TABLES)]
        for name in names:  # not with their schema, which may be that of the extension
            connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier("public", name)))


def distribute(url: str) -> None:
    """Make the tables in an empty database of a cluster. Raise NotDistributableError without Citus."""
    database = Database(normalise_url(url))
    try:
        database.write_now(migrations.upgrade)
        for name, left in distributing.distribute(database, SHARDS):
            print(f"Distributed {name} ({left} left).")
    finally:
        database.close()


def play(url: str, chosen: Sequence[str]) -> int:
    """Play the conformance suite against web and two workers. Return its exit status."""
    if not _SUITE.exists():
        print(f"The conformance suite is not in {_SUITE.parent}: left out.")
        return 0
    with tempfile.TemporaryDirectory() as folder, processes_of(_ROLES, url, Path(folder)) as (web, *_):
        only = [word for pattern in chosen for word in ("--only", pattern)]
        command = [sys.executable, str(_SUITE), "--base-url", web.base, "--timeout", "300", *only]
        return subprocess.run(command, check=False).returncode


def test(url: str) -> int:
    """Run the tests of many processes on a cluster. Return their exit status."""
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-k", "not sqlite", "--cluster", url, *_OF_PROCESSES]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """Yield the URL of the cluster's database, emptied and distributed, or of one on a server of our own."""
    if url is not None:
        empty(url)
        distribute(url)
        yield url
        return
    with postgresql() as server:
        make_templates(server)
        with copy_of(server, "migrated") as own:
            yield own


def main() -> int:
    """Run everything. Return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", nargs="?", help="an empty database on a Citus coordinator; none: a PostgreSQL server")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="only these conformance cases")
    given = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("SMSGW_")]:
        del os.environ[name]
    began = time.monotonic()
    try:
        with database(given.url or None) as url:
            failed = play(url, given.only)
        failed = failed or (test(given.url) if given.url else 0)
    except (psycopg.OperationalError, NotDistributableError) as error:
        print(f"This database cannot be tested: {error}")
        return 1
    print(f"{'Failed' if failed else 'Passed'} after {time.monotonic() - began:.0f} s.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
