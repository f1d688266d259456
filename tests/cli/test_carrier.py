"""``smsgw demo --carrier``: a toy carrier starts and ends with the demo, or the command says what to type instead."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.beside import reached_at
from app.cli.smsgw import app
from app.toys import TOYS
from tests.cli.terminals import free_port
from tests.cli.test_start import SMSGW, WITHIN_SECONDS, gateway, kept, listens, refusal, suggested, taken_port

THREAD = "/simulator/handsets/13800138000/messages"


def until(holds: Callable[[], Any]) -> Any:  # noqa: ANN401  whatever is waited for
    give_up = time.monotonic() + WITHIN_SECONDS
    while not (found := holds()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", TOYS)
def test_a_toy_carrier_starts_and_ends_with_the_demo(kind: str, how: signal.Signals, tmp_path: Path) -> None:
    port, carrier_port = free_port(), free_port()
    command = f"{SMSGW} demo --port {port} --carrier {kind} --carrier-port {carrier_port}"
    with (
        gateway(command, port, tmp_path) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=WITHIN_SECONDS) as client,
    ):
        assert listens(carrier_port)
        client.post(THREAD, json={"to": "10086", "text": "0000"}).raise_for_status()

        def delivered() -> list[dict[str, str]]:
            messages: list[dict[str, str]] = client.get(THREAD).json()["messages"]
            return messages if [one["status"] for one in messages[1:]] == ["delivered"] * 2 else []

        assert {one["provider_kind"] for one in until(delivered)} == {kind}
        process.send_signal(how)
        said, _ = process.communicate(timeout=WITHIN_SECONDS)
    assert (process.returncode, said.splitlines()[-1]) == (0, "Stopped.")
    assert f"Beside it a toy carrier, {kind} on 127.0.0.1:{carrier_port}: what the phones send and get" in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 7, said
    assert not listens(carrier_port)
    assert not listens(port)


def test_a_taken_port_of_the_carrier_is_said_before_anything_is_made(tmp_path: Path) -> None:
    port = free_port()
    with taken_port() as taken:
        said = refusal(f"{SMSGW} demo --port {port} --carrier smpp --carrier-port {taken}", tmp_path)
        make = refusal(f"{SMSGW} demo --by-make --port {port} --carrier smpp --carrier-port {taken}", tmp_path)
    assert f"Port {taken}, for the toy carrier, is taken by another program." in said
    assert f"{SMSGW} demo --port {port} --carrier smpp --carrier-port 9" in suggested(said)
    assert f"make run PORT={port} CARRIER=smpp CARRIER_PORT=9" in suggested(make)
    assert kept(tmp_path) == []


def test_the_command_for_another_port_has_the_carrier(tmp_path: Path) -> None:
    with taken_port() as port:
        said = refusal(f"{SMSGW} demo --port {port} --carrier kannel", tmp_path)
    assert suggested(said).endswith(" --carrier kannel")


@pytest.mark.parametrize("environment", ["test", "dev", "production"])
def test_it_is_refused_outside_of_the_demo(environment: str, tmp_path: Path) -> None:
    given = {"SMSGW_ENV": environment, "SMSGW_SEAL_KEY": "A" * 43 + "="}
    said = refusal(f"{SMSGW} demo --carrier smpp", tmp_path, **given)
    assert f"SMSGW_ENV is {environment}" in said
    assert kept(tmp_path) == []


def test_a_port_without_a_carrier_is_refused(tmp_path: Path) -> None:
    assert "--carrier, which is missing: smpp, cmpp or kannel" in refusal(f"{SMSGW} demo --carrier-port 2775", tmp_path)


@pytest.mark.parametrize(
    ("url", "from_here"),
    [
        ("http://0.0.0.0:8086", "http://127.0.0.1:8086"),
        ("http://[::]:8086", "http://[::1]:8086"),
        ("http://[::1]:8086", "http://[::1]:8086"),
        ("http://localhost:9000", "http://localhost:9000"),
    ],
)
def test_the_toy_reaches_a_gateway_that_listens_at_all_addresses(url: str, from_here: str) -> None:
    assert reached_at(url) == from_here


def test_an_unknown_carrier_is_refused_with_the_list_and_the_help_has_it() -> None:
    wrong = CliRunner().invoke(app, ["demo", "--carrier", "ucp"])
    assert wrong.exit_code == 2
    assert f"'ucp' is none of: {', '.join(TOYS)}." in wrong.stderr
    helps = CliRunner().invoke(app, ["demo", "--help"]).stdout
    assert "--carrier " in helps
    assert "|".join(TOYS) in helps


def test_make_run_takes_the_carrier() -> None:
    done = subprocess.run(
        ["/usr/bin/env", "make", "--dry-run", "run", "CARRIER=smpp", "CARRIER_PORT=2776"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=WITHIN_SECONDS, check=True,
    )  # fmt: skip
    assert "smsgw demo --by-make" in done.stdout
    assert "--carrier 'smpp' --carrier-port '2776'" in done.stdout
