"""A gateway starts with its port and its database, or says what to type instead, and leaves the data alone."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from app.cli.caller import program
from app.web.serving import listen
from tests.cli.terminals import free_port

ROOT = Path(__file__).parents[2]
SMSGW = f"{sys.executable} -m app"
WITHIN_SECONDS = 120


def environment(**more: str) -> dict[str, str]:
    """Return the environment without the caller's gateway settings and those of a ``make`` around, plus ``more``."""
    kept = {name: given for name, given in os.environ.items() if not name.startswith(("SMSGW_", "MAKE", "MFLAGS"))}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def started(command: str, folder: Path, given: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        shlex.split(command), cwd=folder, env=environment(**given), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def gateway(command: str, port: int, folder: Path, **given: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a gateway once it answers; end it, and what it started, if it is still there at the end."""
    process = started(command, folder, given)
    try:
        give_up = time.monotonic() + WITHIN_SECONDS
        while not listens(port):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < give_up, "it does not listen"
            time.sleep(0.05)
        # A session with a toy carrier is made behind the start.
        while httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=WITHIN_SECONDS, trust_env=False).is_error:
            assert time.monotonic() < give_up, "it does not get ready"
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()  # which make passes on
            process.communicate(timeout=WITHIN_SECONDS)


def refusal(command: str, folder: Path, **given: str) -> str:
    """Return what a gateway says that does not start: a line or two, no traceback, no log line."""
    process = started(command, folder, given)
    said, _ = process.communicate(timeout=WITHIN_SECONDS)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert '"event"' not in said
    assert "A phone on the screen" not in said
    assert len(said.splitlines()) <= 2, said
    return said


def suggested(said: str) -> str:
    [command] = re.findall("Try: (.*)", said)
    return str(command)


def assert_works(command: str, folder: Path) -> None:
    """Type a suggested command as it stands, in a shell without any settings."""
    [port] = map(int, re.findall(r"--port (\d+)", command))
    with gateway(f"sh -c {shlex.quote(f'exec env {command}')}", port, folder):
        pass


@contextmanager
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


def kept(folder: Path) -> list[str]:
    """The names of the files, without those that SQLite has beside a database that is in use."""
    return sorted(path.name for path in (folder / "data").glob("*") if not path.name.endswith(("-wal", "-shm")))


# ---- the port


def test_a_taken_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with taken_port() as port:
        said = refusal(f"{SMSGW} demo --port {port}", tmp_path)
    assert f"Port {port} is taken by another program." in said
    assert f"{SMSGW} demo --port 9" in suggested(said)
    assert kept(tmp_path) == []


def test_the_suggested_command_has_what_the_first_one_needed(tmp_path: Path) -> None:
    (tmp_path / "my settings.yaml").write_text("menu_max_segments: 4\n")
    with taken_port() as port:
        given = {"SMSGW_CONFIG": "my settings.yaml", "SMSGW_SEAL_KEY": "secret", "SMSGW_PORT": str(port)}
        said = refusal(f"{SMSGW} serve", tmp_path, SMSGW_ENV="test", **given)
    assert "secret" not in said
    assert "SMSGW_ENV=test SMSGW_CONFIG='my settings.yaml'" in suggested(said)
    assert_works(suggested(said), tmp_path)


def test_an_address_that_this_machine_has_not(tmp_path: Path) -> None:
    port = free_port()
    for host in ("203.0.113.1", "no-such-host.invalid"):
        said = refusal(f"{SMSGW} demo --host {host} --port {port}", tmp_path, SMSGW_DEMO_EXPOSE="1")
        assert said == f"✗ This machine has no address {host}. Try: {SMSGW} demo --port {port}\n"


def test_a_host_with_two_addresses_listens_on_both_or_on_none() -> None:
    with taken_port() as port, pytest.raises(OSError, match="in use"):
        listen("localhost", port)
    sockets = listen("localhost", 0)
    assert {one.getsockname()[0] for one in sockets} <= {"127.0.0.1", "::1"}
    for one in sockets:
        one.close()


# ---- the database


def test_a_second_demo_runs_beside_the_first_and_on_its_port_it_is_refused_with_the_data_as_they_were(
    tmp_path: Path,
) -> None:
    first, second = free_port(), free_port()
    thread = f"http://127.0.0.1:{first}/simulator/handsets/13800138000/messages"
    with (
        gateway(f"{SMSGW} demo --port {first}", first, tmp_path),
        httpx.Client(trust_env=False, timeout=WITHIN_SECONDS) as client,
    ):
        client.post(thread, json={"to": "10086", "text": "0000"})
        refusal(f"{SMSGW} demo --port {first}", tmp_path)
        with gateway(f"{SMSGW} demo --port {second}", second, tmp_path):
            assert client.get(thread).json()["messages"][0]["text"] == "0000"
    files = [f"demo-{port}.db{end}" for port in (first, second) for end in ("", ".lock")]
    assert kept(tmp_path) == sorted(["seal.key", *files])


def test_a_database_that_another_gateway_uses(tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    (tmp_path / "mine").mkdir()
    given = {"SMSGW_ENV": "test", "SMSGW_DATABASE_URL": "sqlite:///./mine/gateway.db"}
    with gateway(f"{SMSGW} serve --port {port}", port, tmp_path, **given):
        said = refusal(f"{SMSGW} demo --port {other}", tmp_path, **given)
        assert "Another gateway uses mine/gateway.db." in said
        assert "SMSGW_DATABASE_URL=sqlite:///./mine/gateway-2.db" in said
        assert_works(suggested(said), tmp_path)
        said = refusal(f"{SMSGW} serve --port {port}", tmp_path, **given)
        assert f"Port {port} is taken" in said
        assert "gateway-3.db" in said, "both are in use, and the command has another of each"
        make = refusal(f"{SMSGW} demo --by-make", tmp_path, **given, SMSGW_PORT=str(other))
        assert suggested(make) == f"SMSGW_DATABASE_URL=sqlite:///./mine/gateway-3.db make run PORT={other}"


def test_a_demo_whose_file_is_in_use_is_told_another_port(tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    given = {"SMSGW_DATABASE_URL": f"sqlite:///./data/demo-{other}.db"}
    with gateway(f"{SMSGW} demo --port {port}", port, tmp_path, **given):
        said = refusal(f"{SMSGW} demo --port {other}", tmp_path)
    assert f"Another gateway uses data/demo-{other}.db." in said
    assert re.fullmatch(rf"{SMSGW} demo --port 9\d+", suggested(said))


def test_a_demo_does_not_empty_a_postgresql_database_under_another_gateway(
    unused_postgresql_url: str, tmp_path: Path
) -> None:
    port = free_port()
    given = {"SMSGW_ENV": "test", "SMSGW_DATABASE_URL": unused_postgresql_url}
    customers, token = f"http://127.0.0.1:{port}/api/v1/subscribers", {"Authorization": "Bearer demo"}
    with (
        gateway(f"{SMSGW} serve --port {port}", port, tmp_path, **given),
        httpx.Client(base_url=customers, headers=token, trust_env=False, timeout=WITHIN_SECONDS) as client,
    ):
        own = {"brand": "easyown", "payment": "prepaid", "balance_fen": 1, "points": 0, "status": "active"}
        client.put("/13512345678", json=own).raise_for_status()
        process = started(f"{SMSGW} demo --port {free_port()}", tmp_path, given)
        said, _ = process.communicate(timeout=WITHIN_SECONDS)
        assert (process.returncode, "Another gateway uses postgresql" in said) == (1, True), said
        assert client.get("/13512345678").status_code == httpx.codes.OK


# ---- the end


@pytest.mark.parametrize(("command", "how"), [("demo", signal.SIGINT), ("serve", signal.SIGTERM)])
def test_a_signal_ends_it_quietly(how: signal.Signals, command: str, tmp_path: Path) -> None:
    port = free_port()
    with gateway(f"{SMSGW} {command} --port {port}", port, tmp_path, SMSGW_ENV="test") as process:
        process.send_signal(how)
        said, _ = process.communicate(timeout=WITHIN_SECONDS)
    assert process.returncode == 0
    assert said.splitlines()[-1] == "Stopped."
    assert "Traceback" not in said


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_quietly_too(how: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    process = started(f"{SMSGW} demo --port {port}", tmp_path, {})
    give_up = time.monotonic() + WITHIN_SECONDS
    while not (tmp_path / "data" / f"demo-{port}.db").exists():
        assert time.monotonic() < give_up
        time.sleep(0.001)
    process.send_signal(how)
    try:
        said, _ = process.communicate(timeout=WITHIN_SECONDS)
    finally:
        process.kill()
    assert (process.returncode, said.splitlines()[-1]) == (0, "Stopped.")
    assert "Traceback" not in said


INTERRUPTED = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
from app.cli import main
main()
"""


def test_ctrl_c_while_it_is_imported_prints_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "--help"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("", "")


# ---- what it says


def test_the_demo_says_in_plain_lines_where_to_look_and_what_to_type(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with gateway(f"{SMSGW} demo --port {port}", port, tmp_path) as process:
        chat = subprocess.run(
            ["/bin/sh", "-c", f"echo YE | {SMSGW} chat --url {base}"],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False,
        )  # fmt: skip
        process.terminate()
        said, _ = process.communicate(timeout=WITHIN_SECONDS)
    assert len(said.splitlines()) <= 6, said
    assert '{"' not in said
    assert "│" not in said
    for words in (
        f"{base}/handset",
        f"{base}/docs",
        f"In a terminal: {SMSGW} chat --url {base}; by curl: examples/demo.sh {base}\n",
        f"Each start empties the demo's data, data/demo-{port}.db.",
        'the token "demo" is accepted with every right',
    ):
        assert words in said
    assert (chat.returncode, "30元" in chat.stdout) == (0, True), chat


def test_the_program_is_named_as_it_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / ".venv" / "bin" / "smsgw"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(script)])
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert program() == ".venv/bin/smsgw"
    monkeypatch.chdir(elsewhere)
    assert program() == str(script)
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "smsgw"
    monkeypatch.setattr("sys.argv", [str(ROOT / "app" / "__main__.py")])
    assert program() == f"{sys.executable} -m app"
    monkeypatch.setattr("sys.argv", [str(ROOT / "smsgw" / "__main__.py")])
    assert program() == f"{sys.executable} -m smsgw"


def test_a_module_of_the_current_folder_is_not_the_gateways(tmp_path: Path) -> None:
    for name in ("app", "yaml"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError(__file__)\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "smsgw", "config", "--help"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "-m smsgw config" in done.stdout
