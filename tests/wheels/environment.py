"""A fresh environment with the wheels in it, as a stranger would make one."""

import os
import re
import subprocess
import venv
from collections.abc import Iterable
from pathlib import Path

from tests.wheels.artefacts import ROOT, wheel_of

# What a stranger's tests need beside the kit.
_OF_TESTS = ("pytest", "pytest-xdist", "execnet", "iniconfig", "packaging", "pluggy", "pygments")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")


class Environment:
    """A virtual environment at ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.python = folder / "bin" / "python"

    @classmethod
    def with_wheels(cls, folder: Path, wheels: Path) -> "Environment":
        """Make an environment with the pinned requirements and both wheels."""
        venv.create(folder, with_pip=True)
        made = cls(folder)
        pinned = folder / "tests.txt"
        pinned.write_text(requirements(ROOT / "requirements" / "dev.txt", _OF_TESTS), "utf-8")
        runtime = ROOT / "requirements" / "runtime.txt"
        made.run(*_PIP, "install", "--no-deps", "--require-hashes", "-r", str(runtime), "-r", str(pinned))
        made.run(*_PIP, "install", "--no-deps", str(wheel_of(wheels, "smsgw")), str(wheel_of(wheels, "smsgw_testkit")))
        return made

    def run(self, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
        """Run the environment's Python and return what it printed. Raise AssertionError if it fails."""
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=cwd or self._folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def script(self, name: str) -> str:
        """Return the path of a command of the environment."""
        return str(self._folder / "bin" / name)


def environment(**variables: str) -> dict[str, str]:
    """Return the variables of this process without what speaks of the gateway or of this checkout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SMSGW_", "PYTEST_")) and name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return {**kept, **variables}


def requirements(file: Path, names: Iterable[str]) -> str:
    """Return the entries of a requirements file for these distributions, with their hashes. Raise KeyError if one is not pinned."""
    entries = re.split(r"^(?=[A-Za-z0-9])", file.read_text("utf-8"), flags=re.MULTILINE)
    found = {re.split(r"[=\[ ]", entry, maxsplit=1)[0]: entry for entry in entries}
    return "".join(found[name] for name in names)
