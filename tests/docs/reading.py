"""Parses documents: their code blocks with notes, their links and their headings.

HTML comments right above a block, which readers do not see, say what a test does with it:

``<!-- test: save tests/test_x.py -->``  write it to that file, do not run it
``<!-- test: server -->``                start it in the background and wait until it listens
``<!-- test: prints 2 passed -->``       run it; its output must contain these words
``<!-- test: not run, … -->``            why it cannot be run here
``<!-- test: elsewhere, … -->``          which other test runs it

A block of sh or python without a comment is run.
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
_ANCHOR = re.compile(r"<a id=\"([^\"]+)\"></a>")


def relative_name(path: Path) -> str:
    """Return the path of a document in the project."""
    return path.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A block of code and its notes, as pairs of kind and text."""

    language: str
    code: str
    notes: tuple[tuple[str, str], ...]

    def note(self, kind: str) -> str | None:
        """Return the text of the first note of this kind, None if there is none."""
        return next((value for found, value in self.notes if found == kind), None)

    @property
    def is_skipped(self) -> bool:
        return self.note("not run,") is not None or self.note("elsewhere,") is not None


def blocks(document: Path, *languages: str) -> list[Block]:
    """Return the blocks of a document in these languages."""
    text = document.read_text("utf-8")
    found = [
        Block(language, code, tuple((kind, value) for kind, value in _NOTE.findall(notes)))
        for notes, language, code in _BLOCK.findall(text)
    ]
    assert len(found) == document.read_text("utf-8").count("\n```") / 2, f"{document.name}: a block that cannot be read"
    understood = sum(len(block.notes) for block in found)
    assert understood == len(_NOTES_AT_ALL.findall(text)), (
        f"{document.name}: a note above no block, or of no known kind"
    )
    return [block for block in found if block.language in languages]


def saved(document: Path) -> dict[str, str]:
    """Return the files that a document tells its reader to write, by path."""
    return {place: block.code for block in blocks(document, "python", "yaml") if (place := block.note("save"))}


def prose(document: Path) -> str:
    """Return a document without its code blocks."""
    return _FENCED.sub("", document.read_text("utf-8"))


def links(document: Path) -> list[str]:
    """Return the targets of a document's links and images."""
    return [markdown or html for markdown, html in _LINK.findall(prose(document))]


def named_anchors(document: Path) -> list[str]:
    """Return the anchors that a document names itself, ``<a id="safety-6"></a>``, in their order."""
    return _ANCHOR.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document: those that it names, and those that GitHub generates from its headings."""
    made = set(named_anchors(document))
    for heading in _HEADING.findall(_ANCHOR.sub("", prose(document))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.lower())
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        made.add(next(name for name in _numbered(anchor) if name not in made))
    return made


def _numbered(anchor: str) -> list[str]:
    return [anchor, *(f"{anchor}-{number}" for number in range(1, 100))]
