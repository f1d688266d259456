"""The commands of the walkthrough print what the page shows."""

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks
from tests.docs.terminal import Terminal, free_port, server

PAGE = ROOT / "docs" / "walkthrough.md"
OUTPUT = ("text", "json")
PROMISES = range(1, 20)


def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    """A block of text or json after a command is its expected output."""
    ports = {"8086": free_port(), "8087": free_port()}
    # On port 8086, as the page says, a demo has this file by default.
    reader = Terminal(tmp_path, ports, SMSGW_DATABASE_URL="sqlite:///./data/gateway.db")
    command = [sys.executable, "-m", "app", "demo", "--port", str(ports["8086"])]
    with ExitStack() as running:
        log = tmp_path / "demo.log"
        running.enter_context(
            server(command, ports["8086"], reader.clone, {**reader.environment, "SMSGW_ENV": "demo"}, log)
        )
        output = ""
        for block in blocks(PAGE, "sh", "yaml", *OUTPUT):
            if block.language in OUTPUT:
                assert matches(output, block.code), f"the page says\n{block.code}\nand it prints\n{output}"
                output = ""
                continue
            assert not output, f"the page does not say what is printed:\n{output}"
            if (place := block.note("save")) is not None:
                reader.save(place, block)
            elif block.note("server") is not None:
                running.enter_context(reader.serving(block))
            elif not block.is_skipped:
                output = reader.run(block)
        assert not output, f"the page does not say what is printed:\n{output}"


def matches(output: str, shown: str) -> bool:
    """Return True if the whole output is as shown; `…` stands for any text within a line."""
    return re.fullmatch("[^\n]*".join(map(re.escape, shown.split("…"))), output) is not None


@pytest.mark.parametrize(
    ("output", "shown", "same"),
    [
        ("7\n< a b c\n", "7\n< a … c\n", True),
        ("7\n< a\nb c\n", "7\n< a…c\n", False),
        ("7\n< a b c\nmore\n", "7\n< a b c\n", False),
        ("a.b\n", "axb\n", False),
    ],
)
def test_outputs_are_compared_whole(output: str, shown: str, same: bool) -> None:  # noqa: FBT001  what is expected
    assert matches(output, shown) is same


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_has_a_section(promise: int) -> None:
    """Each promise has a section with commands and their output."""
    text = PAGE.read_text("utf-8")
    sections = re.findall(rf"^## M{promise} · .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(sections) == 1
    assert "```sh" in sections[0]
    assert re.search(r"^```(text|json)$", sections[0], re.MULTILINE)
