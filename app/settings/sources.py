"""The gateway's variables, from the environment and from the file ``.env`` in the working directory."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "SMSGW_"
_ENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable's value; ``place`` says where it is set: ``environment``, or ``.env`` and a line number from 1."""

    value: str
    place: str


def variables() -> dict[str, Variable]:
    """Return all ``SMSGW_`` variables by their names in capitals. The environment wins over ``.env``."""
    found = {}
    lines = _lines_of_env_file()
    for name, value in dotenv_values(_ENV_FILE).items():
        if name.upper().startswith(PREFIX) and value is not None:
            found[name.upper()] = Variable(value, f"{_ENV_FILE}:{lines[name]}" if name in lines else str(_ENV_FILE))
    for name, value in os.environ.items():
        if name.upper().startswith(PREFIX):
            found[name.upper()] = Variable(value, "environment")
    return found


def _lines_of_env_file() -> dict[str, int]:
    """Return the number of the line, from 1, that sets each variable; of several, the last."""
    try:
        text = _ENV_FILE.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    setting = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")
    return {found[1]: number for number, line in enumerate(text.splitlines(), 1) if (found := setting.match(line))}
