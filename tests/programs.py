"""Programs that some tests need: with CI=true a test fails without one, elsewhere it is skipped."""

import os
import shutil
from typing import NoReturn

import pytest

# Where Debian installs daemons, which is not on the path of every user.
_DAEMONS = "/usr/sbin"


def program(*names: str, package: str) -> str:
    """Return the path of the first of these programs that is there. ``package``: what has it, for the reader."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}{_DAEMONS}"
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    return found or lacking(f"No {names[0]} on this machine: install {package}.")


def lacking(reason: str) -> NoReturn:
    """End a test that cannot run here."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
