"""``smsgw serve --ephemeral``: a gateway for one test run, gone with the process that started it (testkit 4)."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_start import WITHIN_SECONDS, environment

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # pipes of processes that were killed
SERVE = [sys.executable, "-m", "app", "serve", "--ephemeral"]


def command(folder: Path, *options: str, **given: str) -> dict[str, Any]:
    """Return how to start one whose temporary folders are in ``folder / "tmp"``."""
    (folder / "tmp").mkdir(exist_ok=True)
    variables = environment(TMPDIR=str(folder / "tmp"), **given)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return {"args": [*SERVE, *options], "cwd": folder, "env": variables, "text": True, **pipes}


def folders(folder: Path) -> Sequence[Path]:
    return list((folder / "tmp").glob("smsgw-*"))


@contextmanager
def ephemeral(folder: Path, *options: str, **given: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """Run one; yield it and its line, and kill it at the end if it is still there."""
    with subprocess.Popen(**command(folder, *options, **given)) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, process.communicate(timeout=WITHIN_SECONDS)[1]
            yield process, json.loads(line)
        finally:
            if process.poll() is None:
                process.kill()


def refused(folder: Path, *options: str, status: int = 2, **given: str) -> str:
    """Return the words of one that does not start because of what it was given."""
    with subprocess.Popen(**command(folder, *options, **given)) as process:
        try:
            process.wait(WITHIN_SECONDS)
        finally:
            said, words = process.communicate(timeout=WITHIN_SECONDS)
    assert (process.returncode, said) == (status, ""), words
    assert "Traceback" not in words
    return str(words)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"


def test_it_says_where_it_is_and_answers_on_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("access_number: '10010'\n")
    with ephemeral(tmp_path, "--config", "gateway.yaml") as (process, said):
        assert said == {"url": said["url"], "pid": process.pid}
        assert len(folders(tmp_path)) == 1
        with httpx.Client(base_url=said["url"], timeout=WITHIN_SECONDS, trust_env=False) as client:
            assert client.get("/readyz").status_code == httpx.codes.OK
            assert client.get("/simulator/people").json() == {"people": []}
            client.post("/simulator/reset", json={"fixture": "demo"}).raise_for_status()
            client.post("/simulator/handsets/13800138000/messages", json={"to": "10010", "text": "0000"})
            assert client.post("/simulator/drain").json() == {"idle": True}
            listing = client.get("/simulator/handsets/13800138000/messages").json()["messages"][1]
        assert listing["from"].startswith("10010")
        rest, log = process.communicate("what comes in is not used\n", timeout=WITHIN_SECONDS)
    assert (process.returncode, rest) == (0, "")
    assert [json.loads(line) for line in log.splitlines()]
    assert folders(tmp_path) == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(tmp_path: Path, how: signal.Signals) -> None:
    with ephemeral(tmp_path, SMSGW_ENV="test") as (process, _):
        process.send_signal(how)
        process.wait(WITHIN_SECONDS)
    assert process.returncode == 0
    assert folders(tmp_path) == []


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    given = command(tmp_path)
    parent = f"import subprocess, time; subprocess.Popen({given['args']!r}, stdin=subprocess.PIPE); time.sleep(600)"
    with subprocess.Popen(**given | {"args": [sys.executable, "-c", parent]}) as process:
        assert process.stdout is not None
        pid = json.loads(process.stdout.readline())["pid"]
        assert not gone(pid)
        process.kill()
        # Its output ends when the last process that holds it does.
        process.communicate(timeout=WITHIN_SECONDS)
    assert gone(pid)
    assert folders(tmp_path) == []


@pytest.mark.parametrize("closed", [True, False], ids=["standard input", "signal"])
def test_it_ends_while_it_starts(tmp_path: Path, *, closed: bool) -> None:
    with subprocess.Popen(**command(tmp_path)) as process:
        if not closed:
            while not folders(tmp_path):
                assert process.poll() is None
            process.terminate()
        _, log = process.communicate(timeout=WITHIN_SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert folders(tmp_path) == []


def test_another_environment_is_refused(tmp_path: Path) -> None:
    assert "SMSGW_ENV (environment): is demo" in refused(tmp_path, SMSGW_ENV="demo")
    (tmp_path / ".env").write_text("SMSGW_ENV=production\n")
    assert "SMSGW_ENV (.env:1): is production" in refused(tmp_path)
    assert folders(tmp_path) == []


def test_a_wrong_setting_is_named_as_by_config_check(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("confirm_mode: perhaps\n")
    said = refused(tmp_path, "--config", "gateway.yaml")
    check = [sys.executable, "-m", "app", "config", "check"]
    given = environment(SMSGW_ENV="test", SMSGW_CONFIG="gateway.yaml")
    ended = subprocess.run(
        check, cwd=tmp_path, env=given, text=True, capture_output=True, check=False, timeout=WITHIN_SECONDS
    )
    assert said == ended.stderr
    assert "confirm_mode (gateway.yaml:1)" in said
    assert "SMSGW_SEAL_KEY" in refused(tmp_path, SMSGW_SEAL_KEY="short")
    assert folders(tmp_path) == []


def test_a_port_that_is_taken_is_named_with_a_command_that_works(tmp_path: Path) -> None:
    with ephemeral(tmp_path) as (_, said):
        port = said["url"].rpartition(":")[2]
        words = refused(tmp_path, "--port", port, status=1)
    assert f"Port {port} is taken by another program." in words
    assert "serve --ephemeral --port" in words
