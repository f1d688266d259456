"""What keeps the code readable: files that fit the head, functions that fit the screen, folders that can be looked over."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("app", "bench", "docs", "migrations", "smsgw", "testkit", "tests")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
# What is installed somewhere.
SHIPPED = (ROOT / "app", ROOT / "testkit")
# Flat on purpose: one module for each table group, for each noun, and for the words of each command.
FLAT = {ROOT / "app" / "db", ROOT / "app" / "domain", ROOT / "app" / "domain" / "texts"}
LONGEST_MODULE, LONGEST_FUNCTION, MOST_FILES = 300, 40, 20


def test_modules_are_short() -> None:
    lengths = {
        path: len(path.read_text("utf-8").splitlines()) for path in MODULES if any(map(path.is_relative_to, SHIPPED))
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    found = [
        (path, node.name, length)
        for path in MODULES
        if any(map(path.is_relative_to, (*SHIPPED, ROOT / "bench")))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert found == []


def test_folders_can_be_looked_over() -> None:
    files = Counter(path.parent for path in MODULES)
    assert len(files) > 20
    assert {folder: count for folder, count in files.items() if count > MOST_FILES and folder not in FLAT} == {}


# Methods, paths, and those statuses that are no round numbers.
_HTTP = re.compile(r"\b(?:GET|PUT|POST|PATCH|DELETE)\b|/api/|/simulator/|HTTPStatus|\b4(?:0[1-9]|[1-3]\d)\b|\b503\b")
_EVENTS = ROOT / "app" / "services" / "events"


def test_nothing_below_the_web_speaks_http() -> None:
    """Except providers, and the posting of events."""
    below = [path for room in ("domain", "commands", "db", "services") for path in (ROOT / "app" / room).rglob("*.py")]
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in below
        if not path.is_relative_to(_EVENTS)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if _HTTP.search(line)
    ]
    assert len(below) > 100
    assert found == []


def test_actors_are_spelled_in_one_place() -> None:
    spelled = re.compile(r"f\"(?:mo|api|agent):|who=\"|\"who\": f?\"")
    code = [path for path in MODULES if path.is_relative_to(ROOT / "app") and "examples" not in path.parts]
    assert [path for path in code if spelled.search(path.read_text("utf-8"))] == [ROOT / "app" / "domain" / "actors.py"]


_MACHINE_TIME = re.compile(r"datetime\.now\(|\butcnow\(|\btime\.time(?:_ns)?\(")


def test_what_processes_compare_is_by_the_clock_of_the_database() -> None:
    """ADR 27: only the module of that clock reads the machine's."""
    below = [path for room in ("db", "services") for path in (ROOT / "app" / room).rglob("*.py")]
    assert [path for path in below if _MACHINE_TIME.search(path.read_text("utf-8"))] == [ROOT / "app/db/clock.py"]
