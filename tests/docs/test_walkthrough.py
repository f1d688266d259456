"""The walkthrough is true: its commands are run as they stand, and print what the page says."""

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


def test_every_promise_is_kept_as_it_is_shown(tmp_path: Path) -> None:
    """A block of text or json right behind a command is what it prints."""
    ports = {"8086": free_port(), "8087": free_port()}
    reader = Terminal(tmp_path, ports)
    command = [sys.executable, "-m", "app", "demo", "--port", str(ports["8086"])]
    with ExitStack() as running:
        log = tmp_path / "demo.log"
        running.enter_context(
            server(command, ports["8086"], reader.clone, {**reader.environment, "SMSGW_ENV": "demo"}, log)
        )
        said = ""
        for block in blocks(PAGE, "sh", "yaml", *OUTPUT):
            if block.language in OUTPUT:
                assert fits(said, block.code), f"the page says\n{block.code}\nand it prints\n{said}"
                said = ""
                continue
            assert not said, f"the page does not say what is printed:\n{said}"
            if (place := block.note("save")) is not None:
                reader.save(place, block)
            elif block.note("server") is not None:
                running.enter_context(reader.serving(block))
            elif not block.left_out:
                said = reader.run(block)
        assert not said, f"the page does not say what is printed:\n{said}"


def fits(said: str, shown: str) -> bool:
    """Whether all of an output is as shown; `…` stands for anything within a line."""
    return re.fullmatch("[^\n]*".join(map(re.escape, shown.split("…"))), said) is not None


@pytest.mark.parametrize(
    ("said", "shown", "same"),
    [
        ("7\n< a b c\n", "7\n< a … c\n", True),
        ("7\n< a\nb c\n", "7\n< a…c\n", False),
        ("7\n< a b c\nmore\n", "7\n< a b c\n", False),
        ("a.b\n", "axb\n", False),
    ],
)
def test_outputs_are_compared_whole(said: str, shown: str, same: bool) -> None:  # noqa: FBT001  what is expected
    assert fits(said, shown) is same


@pytest.mark.parametrize("promise", PROMISES)
def test_no_promise_is_left_out(promise: int) -> None:
    """Each has a section with commands and what they print."""
    text = PAGE.read_text("utf-8")
    sections = re.findall(rf"^## M{promise} · .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(sections) == 1
    assert "```sh" in sections[0]
    assert re.search(r"^```(text|json)$", sections[0], re.MULTILINE)
