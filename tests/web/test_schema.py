"""The API conforms to its OpenAPI document for generated requests: no 5xx, no undocumented status or answer."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.cli.terminals import free_port

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 60
_ANSWER_SECONDS = 30
# Excluded: an endless stream, and moving the clock by years.
_LEFT_OUT = ["/simulator/handsets/{msisdn}/events", "/simulator/clock/advance"]

_CALLER = {"Authorization": "Bearer demo", "X-Reason": "a test"}
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The OpenAPI schema of a running gateway."""
    folder = tmp_path_factory.mktemp("schema")
    port = free_port()
    environment = {
        "SMSGW_ENV": "demo",
        "SMSGW_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        "PATH": "/usr/bin:/bin",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "demo", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not _ready(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the gateway did not become ready"
            time.sleep(0.05)
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json").exclude(path=_LEFT_OUT)
    finally:
        process.terminate()
        process.wait(_READY_SECONDS)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=1, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_the_api_conforms_to_its_document(schema: schemathesis.BaseSchema) -> None:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(
            max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def conforms(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=_CALLER, timeout=_ANSWER_SECONDS, checks=_CHECKS)

        conforms()
