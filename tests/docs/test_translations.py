"""Chinese documents have the same sections, tables and code as the English ones, and lead to them."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.docs.reading import ROOT, Block, blocks, links, prose, relative_name

DOCS = ROOT / "docs"
TRANSLATIONS = {
    ROOT / "README.zh-CN.md": ROOT / "README.md",
    **{page: DOCS / page.name for page in sorted(DOCS.glob("zh/*.md"))},
}
LANGUAGES = ("sh", "python", "yaml", "json", "text")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

pytestmark = pytest.mark.parametrize("page", TRANSLATIONS, ids=relative_name)


def without_words(block: Block) -> object:
    """Return a block's code without what a translation may change: comments and docstrings."""
    match block.language:
        case "python":
            tree = ast.parse(block.code)
            for node in ast.walk(tree):
                if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
                    del node.body[0]
            return ast.dump(tree)
        case "yaml":
            return yaml.safe_load(block.code)
        case "json":
            return json.loads(block.code)
        case "sh":
            return re.sub(r"\s+# .*$", "", block.code, flags=re.MULTILINE)
        case _:
            return block.code


def test_the_code_is_the_same(page: Path) -> None:
    ours, theirs = (blocks(document, *LANGUAGES) for document in (page, TRANSLATIONS[page]))
    assert len(ours) == len(theirs)
    for translated, original in zip(ours, theirs, strict=True):
        assert translated.notes == original.notes
        assert without_words(translated) == without_words(original)


def test_the_sections_and_tables_are_the_same(page: Path) -> None:
    ours, theirs = (
        re.findall(r"^(#+ |\||- |\d+\. )", prose(document), re.MULTILINE) for document in (page, TRANSLATIONS[page])
    )
    assert ours == theirs


def test_each_leads_to_the_other(page: Path) -> None:
    original = TRANSLATIONS[page]
    assert original in {(page.parent / target).resolve() for target in links(page)[:1]}
    assert page in {(original.parent / target).resolve() for target in links(original)[:1]}
