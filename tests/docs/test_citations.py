"""Citations of the specification, such as "(safety.md 6, 14; http-api.md, webhooks)", lead to a rule or a section."""

import re
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, anchors

PAGES = {page.stem: anchors(page) for page in (ROOT / "docs" / "spec").glob("*.md")}
# A page, then rules ("6, 14", "1-3", "5.2", "3, step 4") or a section (", command line").
CITATION = re.compile(
    r"\b(?P<page>[a-z-]+)\.md\b(?!#)"
    r"(?P<rules>(?:,? \d+(?:\.\d+|-\d+)?\b(?!:)(?:, step \d+)?)*)"
    r"(?P<section>, (?!and\b|[a-z-]+\.md)[A-Za-z][A-Za-z0-9 ]*)?"
)
RULE = re.compile(r"(\d+)(?:\.(\d+)|-(\d+))?(?:, step (\d+))?")
CODE = {".py", ".js", ".css", ".html", ".toml", ".yaml", ".sh"}
NO_PAGE = re.compile(r"\bdesign: |\b(?:providers|testkit|design|review|perf)\.md\b")


def targets(citation: re.Match[str]) -> list[str]:
    page, rules, section = citation.group("page", "rules", "section")
    found: list[str] = []
    for first, part, last, step in RULE.findall(rules):
        numbers = range(int(first), int(last) + 1) if last else [int(first)]
        found += [f"{page}-{number}" + "".join(f"-{more}" for more in (part, step) if more) for number in numbers]
    if section:
        found.append(f"{page}-{section[2:].strip().lower().removeprefix('the ').replace(' ', '-')}")
    return found


def sources() -> list[tuple[str, str]]:
    folders = ("app", "bench", "examples", "migrations", "tests")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in CODE]
    files = sorted({*found, *ROOT.glob("*.toml"), *ROOT.glob("*.yaml"), *ROOT.glob("docs/*.py")} - {Path(__file__)})
    return [(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in files if "vendor" not in path.parts]


def broken(text: str) -> list[str]:
    """Return the citations of a text that lead nowhere."""
    cited = [citation for citation in CITATION.finditer(text) if citation["page"] in PAGES]
    lost = [target for citation in cited for target in targets(citation) if target not in PAGES[citation["page"]]]
    return [*lost, *NO_PAGE.findall(text)]


def test_citations_lead_to_a_rule() -> None:
    files = sources()
    assert sum(len(CITATION.findall(text)) for _, text in files) > 300
    assert [(name, lost) for name, text in files if (lost := broken(text))] == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("(safety.md 6, 14)", []),
        ("(safety.md 6, 140)", ["safety-140"]),
        ("(safety.md 36-38)", ["safety-38"]),
        ("(flows.md 5.2, 17; delivery.md, security)", []),
        ("(flows.md 5.9)", ["flows-5-9"]),
        ("(flows.md 3, step 4)", []),
        ("(http-api.md, the settings file).", []),
        ("(http-api.md, prices)", ["http-api-prices"]),
        ("(mission.md, M20)", ["mission-m20"]),
        ("(design: data)", ["design: "]),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, lost: list[str]) -> None:
    assert broken(text) == lost
