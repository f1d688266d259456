"""``make``: it sets up once and says how it goes, and a signal ends ``make run`` without a word of make's own."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.terminals import Terminal, at_a_terminal, free_port
from tests.cli.test_start import ROOT, WITHIN_SECONDS, environment, gateway

# Makes the terminal that it is given the controlling one, whose Ctrl-C is a signal, as a shell's is.
IN_SESSION = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
PIP = """
case $PIP_IS in
  broken) echo 'Collecting one'; echo 'ERROR: the second is not to be had' >&2; exit 1 ;;
  *) printf 'Ignoring one\\nCollecting two\\nProcessing three\\nInstalling collected packages: two, three\\n' ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile, whose environment has a stand-in for pip."""
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.txt").write_text("one==1\ntwo==2\nthree==3\n")
    programs = {
        "smsgw": f"#!{sys.executable}\nfrom app.cli import main\nmain()\n",
        "python": f'#!/bin/sh\n[ "$1 $2" = "-m pip" ] || exec {sys.executable} "$@"\n'
        f'case " $* " in *" --editable "*) exit ;; *" --quiet "*) exec >/dev/null ;; esac\n{PIP}',
    }
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, script in programs.items():
        path = tmp_path / ".venv" / "bin" / name
        path.write_text(script)
        path.chmod(0o755)
    return tmp_path


def made(clone: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/usr/bin/env", "make", *words], cwd=clone, env=environment(**more), timeout=WITHIN_SECONDS, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@contextmanager
def making(clone: Path, *words: str, **more: str) -> Iterator[Terminal]:
    """Run make in a terminal."""
    environs = {name: given for name, given in environment(**more).items() if name != "CI" or more}
    with at_a_terminal([sys.executable, "-c", IN_SESSION, "make", *words], environs, clone) as terminal:
        yield terminal


# ---- setting up


def test_setting_up_is_one_line_where_no_terminal_is_and_nothing_the_second_time(clone: Path) -> None:
    first, second = made(clone, "setup"), made(clone, "setup")
    assert (first.returncode, len(first.stdout.splitlines())) == (0, 1), first
    assert "about a minute" in first.stdout
    assert (second.returncode, second.stdout) == (0, "")


def test_at_a_terminal_the_packages_are_counted_in_a_line_that_is_cleared(clone: Path) -> None:
    with making(clone, "setup") as terminal:
        assert terminal.end("") == 0
        lines = terminal.rest.split("\r\n")
    assert len(lines) == 2
    assert lines[1] == "1 of 3 packages\r2 of 3 packages\r3 of 3 packages\rInstalling 3 packages\r\x1b[K"


def test_a_terminal_of_ci_gets_plain_lines(clone: Path) -> None:
    with making(clone, "setup", CI="true") as terminal:
        assert terminal.end("") == 0
        assert terminal.rest.count("\r\n") == 1
        assert "\x1b" not in terminal.rest


def test_a_pip_that_fails_says_why_and_is_tried_again(clone: Path) -> None:
    for _ in range(2):
        failed = made(clone, "setup", PIP_IS="broken")
        assert (failed.returncode, "ERROR: the second is not to be had" in failed.stdout) == (2, True), failed
    with making(clone, "setup", PIP_IS="broken") as terminal:
        assert terminal.end("") == 2
        assert "ERROR: the second is not to be had" in terminal.rest
    assert made(clone, "setup").returncode == 0


@pytest.mark.parametrize("target", ["test", "setup"])
def test_what_takes_long_says_how_long_before_it_begins(target: str, clone: Path) -> None:
    said = made(clone, target, PYTEST_ARGS="--version").stdout
    assert re.search(r"minutes? on two cores|about a minute", said.splitlines()[0] + said.splitlines()[-1])
    assert target == "setup" or said.index(" minutes on two cores") < said.index("pytest --version")


# ---- running


def test_ctrl_c_ends_make_run_with_a_word_and_status_0(clone: Path) -> None:
    made(clone, "setup")
    with making(clone, "run", f"PORT={free_port()}") as terminal:
        said = terminal.until("Stop with Ctrl-C.")
        assert ".venv/bin/smsgw chat --url" in said
        assert terminal.end("\x03") == 0
        assert terminal.rest.replace("^C", "").split() == ["Stopped."]


def test_a_signal_to_make_reaches_the_gateway_and_make_adds_nothing(clone: Path) -> None:
    """SIGTERM kills make whatever its recipe does."""
    made(clone, "setup")
    port = free_port()
    with gateway(f"make run PORT={port}", port, clone) as process:
        process.terminate()
        said, _ = process.communicate(timeout=WITHIN_SECONDS)
    assert said.splitlines()[-1] == "Stopped."
    assert "make:" not in said
    assert len(said.splitlines()) <= 6, said


def test_make_run_on_a_taken_port_names_the_command_to_type(clone: Path) -> None:
    made(clone, "setup")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        failed = made(clone, "run", f"PORT={port}")
    said, of_make = failed.stdout.splitlines()
    assert failed.returncode == 2
    assert re.fullmatch(rf"✗ Port {port} is taken by another program\. Try: make run PORT=9\d\d\d", said)
    assert of_make.startswith("make: ***")
    assert not (clone / "data").exists()
