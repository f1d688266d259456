"""Reading documents: their code with what is said about it, their links, their headings.

What a test does with a block is said by HTML comments right above it, which readers do not see:

``<!-- test: save tests/test_x.py -->``  written to that file, not run by itself
``<!-- test: server -->``                started beside what follows, and waited for
``<!-- test: prints 2 passed -->``       run; its output holds these words
``<!-- test: not run, … -->``            why it cannot be run here
``<!-- test: elsewhere, … -->``          which other test runs it

Without a comment a block of sh or python is run.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_BLOCK = re.compile(r"((?:^<!-- test: [^\n]* -->\n)*)^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NOTE = re.compile(r"^<!-- test: (save|server|prints|not run,|elsewhere,) ?(.*) -->$", re.MULTILINE)
_NOTES_AT_ALL = re.compile(r"^<!-- test:", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code, and what its document says about running it."""

    language: str
    code: str
    notes: tuple[tuple[str, str], ...]

    def note(self, kind: str) -> str | None:
        """What stands behind a note of that kind; None if there is none."""
        return next((said for found, said in self.notes if found == kind), None)

    @property
    def left_out(self) -> bool:
        return self.note("not run,") is not None or self.note("elsewhere,") is not None


def blocks(document: Path, *languages: str) -> list[Block]:
    """The blocks of a document in those languages."""
    text = document.read_text("utf-8")
    found = [
        Block(language, code, tuple((kind, said) for kind, said in _NOTE.findall(notes)))
        for notes, language, code in _BLOCK.findall(text)
    ]
    assert len(found) == document.read_text("utf-8").count("\n```") / 2, f"{document.name}: a block that cannot be read"
    understood = sum(len(block.notes) for block in found)
    assert understood == len(_NOTES_AT_ALL.findall(text)), (
        f"{document.name}: a note above no block, or of no known kind"
    )
    return [block for block in found if block.language in languages]


def saved(document: Path) -> dict[str, str]:
    """The files that a document has its reader write."""
    return {place: block.code for block in blocks(document, "python", "yaml") if (place := block.note("save"))}


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return _FENCED.sub("", document.read_text("utf-8"))


def links(document: Path) -> list[str]:
    """What a document links to and shows."""
    return [markdown or html for markdown, html in _LINK.findall(prose(document))]


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    made: set[str] = set()
    for heading in _HEADING.findall(prose(document)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.lower())
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        made.add(next(name for name in _numbered(anchor) if name not in made))
    return made


def _numbered(anchor: str) -> list[str]:
    return [anchor, *(f"{anchor}-{number}" for number in range(1, 100))]
