"""The kit costs a run that does not use it nothing, and imposes nothing on the environment."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

from smsgw_testkit import Gateway, SmsgwError
from smsgw_testkit.running.finding import Elsewhere
from tests.testkit.conftest import ROOT, environment

KIT = ROOT / "testkit" / "smsgw_testkit"
NEW = """
import sys, pytest
before = set(sys.modules)
import smsgw_testkit.plugin
print(*sorted(set(sys.modules) - before))
"""


def test_the_plugin_imports_next_to_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NEW], env=environment(), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["smsgw_testkit", "smsgw_testkit.marks", "smsgw_testkit.plugin"]


@pytest.mark.parametrize("module", sorted(KIT.rglob("*.py")), ids=lambda path: path.relative_to(KIT).as_posix())
def test_it_needs_pytest_and_the_standard_library_alone(module: Path) -> None:
    known = {*sys.stdlib_module_names, "smsgw_testkit", "pytest"}
    if module.name == "container.py":
        known.add("testcontainers")
    imported = {
        name
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {name.partition(".")[0] for name in imported} <= known


class _Container:
    """What the library for containers offers, around a gateway that runs."""

    port = 0

    def __init__(self, image: str) -> None:
        self.given = {"image": image}

    def with_exposed_ports(self, *ports: int) -> None:
        self.given["ports"] = str(ports)

    def with_env(self, name: str, value: str) -> None:
        self.given[name] = value

    def start(self) -> None:
        self.given["started"] = "yes"

    def stop(self) -> None:
        self.given["started"] = "no"

    def get_container_host_ip(self) -> str:
        return "127.0.0.1"

    def get_logs(self) -> tuple[bytes, bytes]:
        return b"", b'{"timestamp": "2026", "level": "info", "event": "ready"}\n'

    def get_exposed_port(self, port: int) -> int:
        return self.port


def test_a_container(smsgw: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.ModuleType("testcontainers.core.container")
    monkeypatch.setattr(library, "DockerContainer", _Container, raising=False)
    monkeypatch.setattr(_Container, "port", int(smsgw.url.rpartition(":")[2]))
    monkeypatch.setitem(sys.modules, "testcontainers.core.container", library)
    from smsgw_testkit.container import SmsgwContainer  # noqa: PLC0415  the library is there now
    from smsgw_testkit.running.finding import InContainer  # noqa: PLC0415  the same

    container = SmsgwContainer("smsgw:latest").start()
    assert container.get_url() == smsgw.url
    assert container.given == {
        "image": "smsgw:latest",
        "ports": "(8086,)",
        "SMSGW_ENV": "test",
        "SMSGW_DEMO_EXPOSE": "1",
        "started": "yes",
    }
    backend = InContainer("smsgw:latest")
    assert backend.url == smsgw.url
    assert backend.lines(5)
    with pytest.raises(SmsgwError, match="which a container cannot reach"):
        backend.require_near("events are received here")
    ended = [backend.has_ended]
    died = backend.lost(ConnectionRefusedError("refused"))
    assert "did not answer (refused); the next test gets a new one\n2026 info ready" in str(died)
    assert [*ended, backend.has_ended] == [False, True]
    backend.stop()


def test_events_need_a_gateway_on_this_machine(smsgw: Gateway) -> None:
    Elsewhere(smsgw.url).require_near("events are received here")
    with pytest.raises(SmsgwError, match=r"events are received here, which http://gateway:8086 cannot reach"):
        Elsewhere("http://gateway:8086").require_near("events are received here")
