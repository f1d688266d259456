"""The first commands of a new gateway, in every order: each works, or names the command that has to come first."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.cli import main
from app.cli.serving import prepare_database
from app.composition import build_gateway, make_sealer
from app.db.session import Database, normalise_url
from app.db.state import set_state
from app.providers import provider_kinds
from app.services.sealing import Sealer
from app.services.startup import DatabaseOwner, StartError, prepare
from app.settings import Environment
from app.settings.check import checked_settings
from tests.running import SEAL_KEY

pytestmark = pytest.mark.anyio
CONFIG = "default_provider: carrier\nproviders: {carrier: {kind: generic, secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=, send_url: 'https://carrier.example/send'}}\n"
COMMANDS = {
    "migrate": ["migrate"],
    "migrate check": ["migrate", "--check"],
    "token": ["token", "create", "billing", "--scope", "billing:write"],
    "tokens": ["token", "list"],
    "revoke": ["token", "revoke", "billing"],
    "config": ["config", "check"],
    "purge": ["purge"],
    "verify": ["evidence", "verify"],
    "anchor": ["evidence", "anchor"],
    "seal": ["evidence", "seal"],
    "backup": ["backup", "copy.db"],
    "import": ["import", "customers.jsonl", "--url", "http://127.0.0.1:9"],
}
# The message of every refused command contains one of these next steps.
REMEDIES = ("smsgw migrate", "smsgw token list", "start the gateway (`smsgw serve`)", "choose another name")
FIRST = ("migrate", "token", "verify", "serve")


class Terminal:
    """Runs command lines in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    async def type(self, command: str) -> int:
        """Run a command and return its exit status. Fail if an error names no next step."""
        if command == "serve":
            try:
                await serve()
            except StartError as error:
                assert "smsgw migrate" in str(error)  # noqa: PT017  the only reason
                return 1
            return 0
        self._monkeypatch.setattr("sys.argv", ["smsgw", *COMMANDS[command]])
        with pytest.raises(SystemExit) as ended:
            main()
        output = self._capsys.readouterr()
        assert "Traceback" not in output.err, output.err
        status = int(ended.value.code or 0)
        if status:
            written = (output.out + output.err).replace("\n", " ")
            assert any(remedy in written for remedy in REMEDIES), f"{command}: {written}"
        return status


async def serve() -> None:
    """Prepare and start a gateway as `smsgw serve` does, without listening; then stop it."""
    prepare_database()
    async with build_gateway(checked_settings(provider_kinds())).running():
        pass


def first_steps(environment: str, monkeypatch: pytest.MonkeyPatch, folder: Path, url: str) -> None:
    monkeypatch.chdir(folder)
    (folder / "gateway.yaml").write_text(CONFIG)
    (folder / "customers.jsonl").write_text("{}\n")
    for name, value in {
        "ENV": environment,
        "DATABASE_URL": url,
        "SEAL_KEY": SEAL_KEY,
        "CONFIG": "gateway.yaml",
    }.items():
        monkeypatch.setenv(f"SMSGW_{name}", value)


def fresh(folder: Path) -> Iterator[str]:
    for number in itertools.count():
        (folder / str(number)).mkdir()
        yield f"sqlite:///{folder}/{number}/gateway.db"


@pytest.mark.parametrize("environment", ["demo", "dev", "test", "production"])
async def test_every_command_may_be_the_first(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(capsys, monkeypatch)
    for command, url in zip(COMMANDS, fresh(tmp_path), strict=False):
        first_steps(environment, monkeypatch, tmp_path, url)
        first = await terminal.type(command)
        works = {"migrate", "config", *(["token"] if environment != "production" else [])}
        assert (first == 0) is (command in works), command
        await terminal.type("migrate")
        assert await terminal.type("token") == (1 if command == "token" and first == 0 else 0)
        await serve()
        if command not in ("import", "migrate", "token"):
            assert await terminal.type(command) == 0, command


@pytest.mark.parametrize("environment", ["test", "production"])
async def test_every_order_of_the_first_commands_works(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In production, every command before `smsgw migrate` fails."""
    terminal = Terminal(capsys, monkeypatch)
    makers = {"migrate"} if environment == "production" else {"migrate", "token", "serve"}
    for order, url in zip(itertools.permutations(FIRST), fresh(tmp_path), strict=False):
        first_steps(environment, monkeypatch, tmp_path, url)
        made = False
        for command in order:
            status = await terminal.type(command)
            made = made or command in makers
            assert status == (0 if made else 1), (order, command)


def test_only_a_database_with_citus_is_distributed(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for url in (postgresql_url, f"sqlite:///{tmp_path / 'gateway.db'}"):
        first_steps("test", monkeypatch, tmp_path, url)
        monkeypatch.setattr("sys.argv", ["smsgw", "migrate", "--distribute"])
        with pytest.raises(SystemExit, match="1"):
            main()
        assert "CREATE EXTENSION citus" in capsys.readouterr().err


async def test_on_postgresql_too(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(capsys, monkeypatch)
    for environment, order in (
        ("production", ("verify", "migrate", "token", "verify", "serve", "purge", "anchor")),
        ("test", ("purge", "token", "seal", "serve", "migrate", "verify")),
        ("dev", ("serve", "migrate", "token")),
    ):
        emptied(postgresql_url)
        first_steps(environment, monkeypatch, tmp_path, postgresql_url)
        statuses = [await terminal.type(command) for command in order]
        assert statuses == [1, 0, 0, 0, 0, 0, 0][: len(order)] if order[0] != "serve" else not any(statuses)


async def test_two_that_make_the_same_database_at_once_make_one(postgresql_url: str) -> None:
    emptied(postgresql_url)

    def make() -> None:
        database = Database(normalise_url(postgresql_url))
        prepare(database, DatabaseOwner("test", Sealer(SEAL_KEY)), migrate=True)
        database.close()

    await asyncio.gather(*(asyncio.to_thread(make) for _ in range(3)))


def emptied(url: str) -> None:
    database = Database(normalise_url(url))
    database.write_now(lambda connection: connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public")))
    database.close()


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("import", "config", "migrate check")])
async def test_no_command_touches_a_database_of_another_environment(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first_steps("production", monkeypatch, tmp_path, f"sqlite:///{tmp_path}/gateway.db")
    terminal = Terminal(capsys, monkeypatch)
    assert await terminal.type("migrate") == 0
    monkeypatch.setenv("SMSGW_ENV", "demo")
    monkeypatch.setattr("sys.argv", ["smsgw", *COMMANDS[command]])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "this database belongs to production" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    "url",
    ["gateway.db", "mysql://localhost/x", "sqlite:////proc/nowhere/x.db", "sqlite:///{folder}/file/x.db",
     "sqlite:///{folder}/text.db", "sqlite:///{folder}", "postgresql://127.0.0.1:9/x", ""],
)  # fmt: skip
async def test_a_database_that_cannot_be_used_is_named_without_a_traceback(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first_steps("test", monkeypatch, tmp_path, url.format(folder=tmp_path))
    (tmp_path / "file").write_text("")
    (tmp_path / "text.db").write_text("this is no database, but something that somebody else has written" * 20)
    for command in ("migrate", "token", "verify"):
        monkeypatch.setattr("sys.argv", ["smsgw", *COMMANDS[command]])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        assert "SMSGW_DATABASE_URL" in capsys.readouterr().err.replace("\n", " ")


def test_a_schema_of_a_newer_program_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first_steps("test", monkeypatch, tmp_path, f"sqlite:///{tmp_path}/gateway.db")
    database = Database(normalise_url(f"sqlite:///{tmp_path}/gateway.db"))
    settings = checked_settings(provider_kinds())
    owner = DatabaseOwner(Environment.TEST.value, make_sealer(settings, database))
    prepare(database, owner, migrate=True)
    database.write_now(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.write_now(lambda connection: set_state(connection, oldest_program="9998"))
    database.close()
    for command in ("migrate", "migrate check", "token", "verify"):
        monkeypatch.setattr("sys.argv", ["smsgw", *COMMANDS[command]])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        assert "newer program" in capsys.readouterr().err.replace("\n", " ")


async def test_a_newer_schema_that_says_so_is_worked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first_steps("test", monkeypatch, tmp_path, f"sqlite:///{tmp_path}/gateway.db")
    terminal = Terminal(capsys, monkeypatch)
    assert await terminal.type("migrate") == 0
    database = Database(normalise_url(f"sqlite:///{tmp_path}/gateway.db"))
    database.write_now(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.close()
    for command in ("migrate", "migrate check", "token", "verify"):
        assert await terminal.type(command) == 0
