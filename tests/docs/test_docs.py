"""What the documents say is tried: code runs, links lead somewhere, what is named exists."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.db.tables import metadata
from tests.commands.transcript import Conversation

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DEMO = ROOT / "examples" / "demo.sh"
URL_IN_DOCUMENTS = "http://127.0.0.1:8086"
WITHIN_SECONDS = 60
NAMED_BLOCK = re.compile(r"`((?:app|tests)/[\w/]+\.py)`[^\n]*:\n\n```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
PLACE = re.compile(r"`((?:app|bench|docs|examples|migrations|tests)/[\w./]*)`")


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMSGW_")}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway in a process of its own, as the documents mean it; its URL."""
    folder = tmp_path_factory.mktemp("gateway")
    url = f"http://127.0.0.1:{free_port()}"
    environment = clean_environment(SMSGW_ENV="test", SMSGW_DATABASE_URL=f"sqlite:///{folder / 'gateway.db'}")
    command = [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WITHIN_SECONDS
        while not answers(url):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the gateway did not become ready"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=1, trust_env=False).is_success
    except httpx.TransportError:
        return False


def run(*command: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, bounded."""
    return subprocess.run(
        command, cwd=cwd, env=clean_environment(), capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False
    )


def shell() -> str:
    """bash, where it and curl are there: a machine without them is no reason to fail."""
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None or shutil.which("python3") is None:
        pytest.skip("bash, curl or python3 is not there")
    return bash


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


# ---- the demo


def test_the_demo_tells_the_truth(gateway: str) -> None:
    done = run(shell(), DEMO, gateway)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\033" not in done.stdout, "colours are for terminals"
    for line in ("手机报 (SJB) ended with the month.", "The chain verifies.", "One reply to two posts.", "Once on the"):
        assert f"✓ {line}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--help"], 0, "Usage:"),
        (["--colour"], 2, "no option --colour"),
        (["nonsense"], 2, "no URL"),
        (["http://127.0.0.1", "http://127.0.0.1"], 2, "one URL"),
        (["http://gateway.example"], 2, "--allow-remote"),
        (["http://127.0.0.1@gateway.example"], 2, "--allow-remote"),
        (["http://127.0.0.1.gateway.example"], 2, "--allow-remote"),
    ],
)
def test_the_demo_says_what_is_wrong(arguments: list[str], status: int, says: str) -> None:
    done = run(shell(), DEMO, *arguments)
    assert (done.returncode, says in done.stdout + done.stderr) == (status, True), done


def test_the_demo_says_that_nobody_answers() -> None:
    done = run(shell(), DEMO, f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "No gateway answers" in done.stderr


# ---- the README's code


def test_the_calls_by_hand_work(gateway: str) -> None:
    [script] = [block for block in blocks("sh") if "curl" in block]
    done = run(shell(), "-euc", script.replace(URL_IN_DOCUMENTS, gateway))
    assert done.returncode == 0, done.stderr
    assert '"status":"accepted"' in done.stdout
    assert '"from":"10086' in done.stdout, "the reply is on the handset"


def test_the_integration_test_passes(gateway: str, tmp_path: Path) -> None:
    [code] = [block for block in blocks("python") if "httpx" in block]
    (tmp_path / "test_listing_window.py").write_text(code.replace(URL_IN_DOCUMENTS, gateway), encoding="utf-8")
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_listing_window.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_worked_example_of_a_command_works(tmp_path: Path) -> None:
    """In a copy of the project: the command answers, and the rules of the house hold with it."""
    for folder in ("app", "tests/commands", "tests/domain"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    written = NAMED_BLOCK.findall(README.read_text("utf-8"))
    places = [place for place, _ in written]
    assert [str(Path(place).parent) for place in places] == ["app/domain/texts", "app/commands", "tests/commands"]
    for place, code in written:
        assert not (tmp_path / place).exists(), "the example is in the project"
        (tmp_path / place).write_text(code, encoding="utf-8")
    tests = [places[2], "tests/domain/test_purity.py", "tests/commands/test_routing.py"]
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    ruff = run(Path(sys.executable).with_name("ruff"), "check", "--no-cache", *places, cwd=tmp_path)
    assert ruff.returncode == 0, ruff.stdout
    formatted = run(Path(sys.executable).with_name("ruff"), "format", "--check", "--no-cache", *places, cwd=tmp_path)
    assert formatted.returncode == 0, formatted.stdout


def test_what_a_customer_can_send_is_understood() -> None:
    table = README.read_text("utf-8").partition("What a customer can send:")[2].partition("\n\nBesides")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ") and "|---" not in line][1:]
    sent = [(text, re.findall(r"\d{5,}", to)) for words, to, _ in rows for text in re.findall(r"`([^`]+)`", words)]
    for text, numbers in sent:
        for number in numbers or ["10086977", "10086"]:
            conversation = Conversation()
            conversation.text("0000")
            conversation.text("全部", "10086977")
            conversation.text(text, number)
            assert conversation.outcome.verdict != "not understood", (text, number, conversation.sent[-1])


# ---- the documents


def test_the_settings_page_is_up_to_date() -> None:
    done = run(sys.executable, "docs/make_settings.py", "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for found in LINK.findall(document.read_text("utf-8")):
        target = found[0] or found[1]
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        led_to = (document.parent / place).resolve() if place else document
        assert led_to.exists(), target
        if anchor:
            assert anchor in anchors(led_to), target


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_named_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    examples = {place for place, _ in NAMED_BLOCK.findall(text)}
    missing = [place for place in PLACE.findall(text) if place not in examples and not (ROOT / place).exists()]
    assert missing == []


def test_every_table_is_explained() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert [name for name in metadata.tables if f"`{name}`" not in page] == []


def test_decisions_are_short() -> None:
    for decision in ROOT.glob("docs/adr/*.md"):
        assert len(decision.read_text("utf-8").splitlines()) <= 40, decision
        assert re.match(rf"# {int(decision.name[:4])}\. ", decision.read_text("utf-8")), decision
