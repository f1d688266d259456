"""The pages about carriers can be followed by copying, each with a gateway of its own; that about Kannel with Kannel."""

import os
import shutil
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, relative_name
from tests.docs.terminal import Terminal, follow, free_port

PAGES = sorted((ROOT / "docs" / "carriers").glob("[a-z]*.md"))
PORTS = ("2775", "7890", "8086", "9000", "10001", "13000", "13001", "13013")
KANNEL = ("/usr/sbin/bearerbox", "/usr/sbin/smsbox", "/usr/lib/kannel/test/fakesmsc")


def need(*programs: str) -> None:
    """Skip the test where one of these is not installed; with CI=true it fails."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        reason = f"No {missing[0]} on this machine: install the packages kannel and kannel-extras."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("page", PAGES, ids=relative_name)
def test_a_reader_can_follow(page: Path, tmp_path: Path) -> None:
    if page.stem == "kannel":
        need(*KANNEL)
    follow(Terminal(tmp_path, {port: free_port() for port in PORTS}), page)
