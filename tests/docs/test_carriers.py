"""The pages about carriers can be followed by copying, each with a gateway of its own; that about Kannel with Kannel."""

from pathlib import Path

import pytest

from tests.docs.reading import ROOT, relative_name
from tests.docs.terminal import Terminal, follow, free_port
from tests.programs import program

PAGES = sorted((ROOT / "docs" / "carriers").glob("[a-z]*.md"))
PORTS = ("2775", "7890", "8086", "9000", "10001", "13000", "13001", "13013")
KANNEL = ("/usr/sbin/bearerbox", "/usr/sbin/smsbox", "/usr/lib/kannel/test/fakesmsc")


@pytest.mark.parametrize("page", PAGES, ids=relative_name)
def test_a_reader_can_follow(page: Path, tmp_path: Path) -> None:
    if page.stem == "kannel":
        for needed in KANNEL:
            program(needed, package="the packages kannel and kannel-extras")
    follow(Terminal(tmp_path, {port: free_port() for port in PORTS}), page)
