"""The documents are consistent: links resolve, named paths exist, pages and tables are listed."""

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from app.db.schema import metadata
from app.services.simulator import fixtures
from tests.docs.reading import DOCUMENTS, ROOT, anchors, links, named_anchors, prose, relative_name, saved
from tests.docs.terminal import run

DOCS = ROOT / "docs"
PLACE = re.compile(r"`((?:app|bench|docs|examples|migrations|tests)/[\w./-]*)`")
IMAGES = sorted(DOCS.glob("images/*"))
SPECIFICATION = sorted(DOCS.glob("spec/*.md"))
ITEM = re.compile(r"^(\d+)\. (?:<a id=\"[a-z-]+-(?:\d+-)?(\d+)\"></a>)?", re.MULTILINE)
SECTION = re.compile(r"^#+ (?:<a id=\"[a-z-]+-([\d-]+)\"></a>)?([\d.]+)\. ", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative_name)
def test_links_resolve(document: Path) -> None:
    for target in links(document):
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        led_to = (document.parent / place).resolve() if place else document
        assert led_to.exists(), target
        assert led_to.is_relative_to(ROOT), f"{target} leads out of the project"
        if anchor:
            assert anchor in anchors(led_to), target


@pytest.mark.parametrize("page", SPECIFICATION, ids=relative_name)
def test_every_rule_has_an_anchor_of_its_number(page: Path) -> None:
    items = [(number, anchor) for number, anchor in ITEM.findall(prose(page)) if number != anchor]
    sections = [
        (number, anchor) for anchor, number in SECTION.findall(prose(page)) if number != anchor.replace("-", ".")
    ]
    assert items + sections == []


@pytest.mark.parametrize("page", SPECIFICATION, ids=relative_name)
def test_anchors_of_a_page_bear_its_name_and_are_unique(page: Path) -> None:
    found = named_anchors(page)
    assert found
    assert [anchor for anchor in found if not anchor.startswith(f"{page.stem}-") or found.count(anchor) > 1] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative_name)
def test_named_paths_exist(document: Path) -> None:
    written = saved(document)
    missing = [
        place for place in PLACE.findall(prose(document)) if place not in written and not (ROOT / place).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative_name)
def test_blocks_are_closed_and_name_their_language(document: Path) -> None:
    fences = [line for line in document.read_text("utf-8").splitlines() if line.startswith("```")]
    assert all(fence == "```" for fence in fences[1::2])
    assert all(re.fullmatch(r"```[a-z]+", fence) for fence in fences[::2])
    assert len(fences) % 2 == 0


def test_the_index_links_every_page() -> None:
    led_to = {(DOCS / target.partition("#")[0]).resolve() for target in links(DOCS / "README.md")}
    found = [page for room in ("", "carriers/", "zh/") for page in DOCS.glob(f"{room}*.md")]
    pages = [page for page in [*found, *SPECIFICATION] if page.name != "README.md"]
    missing = [relative_name(page) for page in pages if page not in led_to]
    assert missing == [], "give it a row in docs/README.md"


def test_every_image_is_shown() -> None:
    shown = {(document.parent / target).resolve() for document in DOCUMENTS for target in links(document)}
    assert [relative_name(image) for image in IMAGES if image not in shown] == [], "show it in a document, or delete it"


@pytest.mark.parametrize("image", [image for image in IMAGES if image.suffix == ".svg"], ids=relative_name)
def test_drawings_stand_alone(image: Path) -> None:
    """An SVG loads and runs nothing, and has a title and a description."""
    tree = ET.parse(image).getroot()  # noqa: S314  a file of the project
    tags = {element.tag.partition("}")[2] for element in tree.iter()}
    assert not tags & {"script", "image", "foreignObject"}
    assert {"title", "desc"} <= tags
    assert "url(http" not in image.read_text("utf-8")


@pytest.mark.parametrize("module", ["docs.make_problems", "docs.make_recording", "docs.make_settings"])
def test_what_is_generated_is_up_to_date(module: str) -> None:
    done = run(sys.executable, "-m", module, "--check")
    assert done.returncode == 0, done.stderr


def test_the_readmes_name_the_demos_customers() -> None:
    people = fixtures.read("demo").people
    for page, tries in (
        ("README.md", [one.try_en for one in people]),
        ("README.zh-CN.md", [one.try_zh for one in people]),
    ):
        rows = re.findall(r"^\| (\d{11}) \| (.+) \|$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        assert rows == [(one.msisdn.removeprefix("+86"), words) for one, words in zip(people, tries, strict=True)]


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.zh-CN.md"], ids=relative_name)
def test_the_readmes_have_the_figures_of_the_last_benchmark(page: Path) -> None:
    performance = (DOCS / "performance.md").read_text("utf-8")
    for figure in ("round trips", "processor time a round trip"):
        [median] = re.findall(rf"^\| single \| {figure} \| ([\d,]+) \|", performance, re.MULTILINE)
        assert re.search(rf"(?<![\d,]){median}(?![\d,]*\d)", page.read_text("utf-8")), (
            f"{figure}: the median is {median}"
        )


def test_every_table_is_explained() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    missing = [name for name in metadata.tables if f"`{name}`" not in page]
    assert missing == [], "say under Tables in docs/architecture.md what a row is"


def test_every_class_of_the_glossary_exists() -> None:
    named_there = set(re.findall(r"`([A-Z][A-Za-z]*[a-z][A-Za-z]*)`", (DOCS / "glossary.md").read_text("utf-8")))
    classes = {
        node.name
        for module in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    assert len(named_there) > 60
    assert sorted(named_there - classes) == []


def test_the_table_of_rooms_has_every_room() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    rooms = {folder.parent for folder in (ROOT / "app").rglob("__init__.py")} - {ROOT / "app"}
    alone = {module for module in (ROOT / "app").glob("*.py") if not module.name.startswith("__")}
    missing = [
        relative_name(room)
        for room in rooms | alone
        if f"| `{relative_name(room)}`" not in page and f", `{relative_name(room)}`" not in page
    ]
    assert missing == [], "give it a row under Where is what in docs/architecture.md"


def test_decisions_are_short() -> None:
    for decision in DOCS.glob("adr/*.md"):
        assert len(decision.read_text("utf-8").splitlines()) <= 40, decision
        assert re.match(rf"# {int(decision.name[:4])}\. ", decision.read_text("utf-8")), decision
