"""The code in the documents works: all blocks run from top to bottom."""

import os
import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from tests.commands.transcript import Conversation, play
from tests.docs.reading import ROOT, blocks, relative_name, saved
from tests.docs.terminal import RUN, WITHIN_SECONDS, Terminal, follow, free_port, run
from tests.programs import program

# True: the document needs a running gateway. False: it starts its own.
FOLLOWED = {
    "README.md": True,
    "README.zh-CN.md": True,
    "docs/architecture.md": True,
    "docs/integrating-a-carrier.md": False,
    "docs/testing-your-software.md": False,
    "docs/operating.md": False,
    "docs/tutorial.md": False,
    "docs/using-the-api.md": True,
    "docs/zh/integrating-a-carrier.md": False,
    "docs/zh/tutorial.md": False,
}
# Their tests would start a gateway each time.
SHARING = {"docs/tutorial.md", "docs/zh/tutorial.md"}
# As if gateway and kit were installed.
WITH_KIT = {
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "testkit")]),
    "PYTEST_PLUGINS": "smsgw_testkit.plugin",
}
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
COMMANDS = [ROOT / "docs" / "commands.md", ROOT / "docs" / "zh" / "commands.md"]


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_reader_can_follow(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each document has its own shell session, in which later blocks use what earlier ones left."""
    if FOLLOWED[name]:
        port: int = request.getfixturevalue("gateway_port")
        reader = Terminal(tmp_path, {"8086": port})
        reset(f"http://127.0.0.1:{port}")
    else:
        shared = {"SMSGW_URL": request.getfixturevalue("kits_gateway")} if name in SHARING else {}
        ports = {"8086": free_port(), "8087": free_port(), "9000": free_port()}
        reader = Terminal(tmp_path, ports, **WITH_KIT, **shared)
    follow(reader, ROOT / name)


@pytest.mark.parametrize("name", [*FOLLOWED, "CONTRIBUTING.md"])
def test_skipped_blocks_give_a_reason(name: str) -> None:
    for block in blocks(ROOT / name, *RUN):
        reason = block.note("not run,") if block.note("not run,") is not None else block.note("elsewhere,")
        assert reason is None or len(reason.split()) > 2, block.code


def test_the_example_for_node_works(tmp_path: Path) -> None:
    node = program("node", package="the package nodejs")
    page = ROOT / "docs" / "testing-your-software.md"
    [example] = [block for block in blocks(page, "javascript") if block.note("save")]
    (tmp_path / "listing.test.mjs").write_text(example.code, "utf-8")
    (tmp_path / "smsgw").write_text(f'#!/bin/sh\nexec {sys.executable} -m smsgw "$@"\n', "utf-8")
    (tmp_path / "smsgw").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run(node, "--test", tmp_path / "listing.test.mjs", cwd=tmp_path, PATH=path, **WITH_KIT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 2" in done.stdout


def test_the_dialogues_in_the_architecture_are_true() -> None:
    dialogues = [block.code for block in blocks(ROOT / "docs" / "architecture.md", "text")]
    assert dialogues
    for dialogue in dialogues:
        play(dialogue)


def reset(gateway: str) -> None:
    """Reset the gateway to the demo fixture."""
    httpx.post(
        f"{gateway}/simulator/reset", json={"fixture": "demo"}, timeout=WITHIN_SECONDS, trust_env=False
    ).raise_for_status()


def test_the_worked_example_of_a_command_works(tmp_path: Path) -> None:
    """In a copy of the project the command works and passes the checks."""
    for folder in ("app", "tests/commands", "tests/domain"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    for file in ("pyproject.toml", "tests/test_house.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    written = saved(CONTRIBUTING)
    places = list(written)
    assert [str(Path(place).parent) for place in places] == [
        "app/domain/texts",
        "app/commands/accounts",
        "tests/commands/accounts",
    ]
    for place, code in written.items():
        assert not (tmp_path / place).exists(), "the example is in the project"
        (tmp_path / place).write_text(code, encoding="utf-8")
    tests = [places[2], "tests/test_house.py", "tests/domain/test_purity.py", "tests/commands/test_routing.py"]
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    ruff = run(Path(sys.executable).with_name("ruff"), "check", "--no-cache", *places, cwd=tmp_path)
    assert ruff.returncode == 0, ruff.stdout
    formatted = run(Path(sys.executable).with_name("ruff"), "format", "--check", "--no-cache", *places, cwd=tmp_path)
    assert formatted.returncode == 0, formatted.stdout
    imports = run(Path(sys.executable).with_name("lint-imports"), "--no-cache", cwd=tmp_path)
    assert imports.returncode == 0, imports.stdout


@pytest.mark.parametrize("page", COMMANDS, ids=relative_name)
def test_every_listed_command_is_understood(page: Path) -> None:
    table = page.read_text("utf-8").partition("| `0000`")
    rows = [line.split(" | ") for line in (table[1] + table[2]).partition("\n\n")[0].splitlines()]
    assert len(rows) > 15
    sent = [(text, re.findall(r"\d{5,}", to)) for words, to, _ in rows for text in re.findall(r"`([^`]+)`", words)]
    for text, numbers in sent:
        for number in numbers or ["10086977", "10086"]:
            conversation = Conversation()
            conversation.text("0000")
            conversation.text("全部", "10086977")
            conversation.text(text, number)
            assert conversation.outcome.verdict != "not understood", (text, number, conversation.sent[-1])
