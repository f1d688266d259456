"""Rules for the source of the pure core: where texts for customers are, and no clocks, chance or assertions."""

import ast
import re
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parent
HOLD_WORDS = re.compile(r"domain/texts/|commands/vocabulary\.py$")
CJK = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")


def docstrings(tree: ast.Module) -> set[ast.expr]:
    holders = [node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    first = [holder.body[0] for holder in holders if holder.body]
    return {node.value for node in first if isinstance(node, ast.Expr)}


@pytest.mark.parametrize("folder", ["domain", "commands"])
def test_source(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        check(path)


def check(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    if not HOLD_WORDS.search(path.as_posix()):
        quoted = docstrings(tree)
        constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in quoted]
        written = [ast.get_source_segment(source, node) or "" for node in constants if isinstance(node.value, str)]
        assert [words for words in written if CJK.search(words)] == [], path
        # Neither may a clock be read, a random number drawn or an assertion stripped by -O decide anything.
        assert not re.search(r"^\s*assert |\.now\(|\.today\(|utcnow|uuid4|random\.", source, re.MULTILINE), path
