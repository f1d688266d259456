"""The adapters of docs/adding-a-provider.md, made from the guide alone in a copy of the project, pass their tests."""

import re
import shutil
import sys
from pathlib import Path

from tests.docs.reading import ROOT, blocks, saved
from tests.docs.terminal import run

GUIDE = ROOT / "docs" / "adding-a-provider.md"
FOLDERS = ("app", "migrations", "tests")
CODE = (
    "app/providers/pigeon.py",
    "app/providers/telegraph.py",
    "tests/providers/test_pigeon.py",
    "tests/providers/test_telegraph.py",
)


def test_adapters_made_from_the_guide_alone_keep_the_contract(tmp_path: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    written = saved(GUIDE)
    for place in CODE:
        assert not (tmp_path / place).exists(), "the example is in the project"
        (tmp_path / place).write_text(written[place], encoding="utf-8")
    table = tmp_path / "app" / "providers" / "__init__.py"
    text = table.read_text("utf-8")
    before, behind = "from app.providers.simulator", "    SimulatorProvider.kind: SimulatorProvider,\n"
    text = text.replace(before, written["import.py"] + before, 1)
    text = text.replace("\n\nKINDS", f"\n{written['session_import.py']}\nKINDS", 1)
    text = text.replace(behind, written["line.py"] + behind + written["session_line.py"], 1)
    table.write_text(text, encoding="utf-8")
    recorded = tmp_path / "tests" / "providers" / "recorded" / "pigeon"
    recorded.mkdir()
    names = re.findall(r"^`([\w-]+\.json)`", GUIDE.read_text("utf-8"), re.MULTILINE)
    for name, block in zip(names, blocks(GUIDE, "json"), strict=True):
        (recorded / name).write_text(block.code, encoding="utf-8")

    done = run(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "anyio.pytest_plugin",
        "-p",
        "no:cacheprovider",
        *CODE[2:],
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 25
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check"], ["format", "--check"]):
        checked = run(ruff, *command, "--no-cache", *CODE, table.relative_to(tmp_path), cwd=tmp_path)
        assert checked.returncode == 0, checked.stdout
    types = run(sys.executable, "-m", "mypy", "--no-incremental", *CODE, cwd=tmp_path)
    assert types.returncode == 0, types.stdout
