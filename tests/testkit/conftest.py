"""One gateway for all tests of the kit, and pytest as a stranger runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smsgw_testkit import Events, Gateway, Handset, gateway

ROOT = Path(__file__).parents[2]
_WITHIN_SECONDS = 240
Pytest = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="package")
def _started() -> Iterator[Gateway]:
    with gateway() as started:
        yield started


@pytest.fixture
def smsgw(_started: Gateway) -> Gateway:
    """The gateway, freshly reset."""
    _started.forget_test()
    _started.reset()
    return _started


@pytest.fixture
def handset(smsgw: Gateway) -> Handset:
    """The phone of the demo customer with five services."""
    return smsgw.handset("13800138000")


@pytest.fixture
def events(smsgw: Gateway) -> Events:
    """What SPs and billing are told."""
    return smsgw.events


def environment() -> dict[str, str]:
    """Return an environment in which kit and gateway are importable, as if they were installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMSGW_", "PYTEST_"))}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "testkit")]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def command(*arguments: str) -> list[str]:
    """Return the command line of a pytest with the kit, and nothing of this project's settings."""
    return [sys.executable, "-P", "-m", "pytest", "-p", "smsgw_testkit.plugin", "-p", "xdist", "-q", *arguments]


@pytest.fixture
def run(tmp_path: Path) -> Pytest:
    """Run pytest on a file of tests in a project of its own, whose settings are ``ini``."""

    def run(tests: str, *arguments: str, ini: str = "", within: str = "") -> "subprocess.CompletedProcess[str]":
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}", "utf-8")
        (tmp_path / "test_it.py").write_text(tests, "utf-8")
        return subprocess.run(
            command(*arguments),
            cwd=tmp_path / within,
            # A gateway that is killed itself leaves its folder.
            env={**environment(), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=_WITHIN_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def shared(_started: Gateway) -> str:
    """The option that uses the gateway of these tests, which costs no start."""
    return f"--smsgw-url={_started.url}"
