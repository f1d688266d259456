"""Every command explains itself, and wrong use is status 2 (http-api.md, command line)."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from app.cli.smsgw import app

ROOT = Path(__file__).parents[2]


def commands(group: object, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command below a group, by the words to type."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *path, name)


COMMANDS = list(commands(typer.main.get_command(app)))


def test_the_commands_of_the_contract_are_there() -> None:
    contract = {"serve", "demo", "chat", "migrate", "token create", "token list", "token revoke", "config check"}
    assert contract <= {" ".join(path) for path in COMMANDS}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_and_gives_an_example(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.stdout
    if path not in (("token",), ("config",), ("seal",)):
        assert "Examples" in done.stdout
        assert "smsgw " + " ".join(path) in done.stdout.partition("Examples")[2]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_wrong_use_is_status_2(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--nonsense"])
    assert (done.exit_code, "--nonsense" in done.stderr) == (2, True)


def test_it_runs_as_a_module_too_and_without_settings_says_what_is_missing(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "app", "migrate"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("✗ SMSGW_ENV")
    assert "Traceback" not in done.stderr
