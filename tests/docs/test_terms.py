"""Texts to customers use one Chinese word per thing, as the glossary lists them."""

import ast
import re

import pytest

from tests.docs.reading import ROOT

TEXTS = ROOT / "app" / "domain" / "texts"
ROW = re.compile(
    r"^\| (?P<words>[^|]+) \| [^|]+ \| (?P<rejected>[^|]+?)(?:, but in (?P<kept>[^|]+))? \| [^|]+ \|$", re.MULTILINE
)
HEADING = "## Words for customers"


def chinese_texts() -> list[str]:
    """Return the Chinese of every ``Text`` in the rooms of texts."""
    calls = [
        node
        for path in TEXTS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]
    given = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "zh"]
    return [value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def rows() -> list[tuple[str, list[str], list[str]]]:
    """Return the terms of each row of the table, the rejected words, and the phrases in which they are kept."""
    table = (ROOT / "docs" / "glossary.md").read_text("utf-8").partition(HEADING)[2]
    found = [row for row in ROW.finditer(table) if row["words"] != "Chinese" and not row["words"].startswith("---")]
    return [(row["words"], row["rejected"].split("、"), (row["kept"] or "").split("、")) for row in found]


ROWS = rows()
ALL = chinese_texts()


def test_the_texts_and_the_table_are_found() -> None:
    assert len(ALL) > 200
    assert len(ROWS) > 25


@pytest.mark.parametrize(("words", "rejected", "kept"), ROWS, ids=[row[0] for row in ROWS])
def test_every_term_is_used_and_no_text_uses_another_word(words: str, rejected: list[str], kept: list[str]) -> None:
    assert [word for word in words.split("、") if not any(word in text for text in ALL)] == []
    without_kept = re.compile("|".join(map(re.escape, filter(None, kept))) or r"(?!)")
    found = [(word, text) for text in ALL for word in rejected if word in without_kept.sub("", text)]
    assert found == []
