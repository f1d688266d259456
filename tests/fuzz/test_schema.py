"""The API conforms to its OpenAPI document for generated requests, right and wrong: no 5xx, nothing undocumented."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CheckContext, not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.cli.terminals import free_port
from tests.effort import tries

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 60
_ANSWER_SECONDS = 30
# Excluded: an endless stream, and moving the clock by years.
_LEFT_OUT = ["/simulator/handsets/{msisdn}/events", "/simulator/clock/advance"]

_CALLER = {"Authorization": "Bearer demo", "X-Reason": "a test"}
_EXAMPLES = {GenerationMode.POSITIVE: 15, GenerationMode.NEGATIVE: 5}
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


def refuses_wrong_data(context: CheckContext, answer: Response, case: schemathesis.Case[Any]) -> bool | None:
    """Check that a request of the management API is refused whose path or body is not as documented.

    Others, and all calls in their query, ignore what they do not know (http-api.md); the headers are the own ones.
    """
    wrong = {place for place, one in case.meta.components.items() if one.mode.is_negative} if case.meta else set()
    if not case.path.startswith("/api/v1/") or not wrong & {ParameterLocation.PATH, ParameterLocation.BODY}:
        return None
    return negative_data_rejection(context, answer, case)


_REFUSALS = [*_CHECKS, ignored_auth, missing_required_header, refuses_wrong_data, unsupported_method]


@pytest.mark.parametrize("mode", GenerationMode, ids=str)
def test_the_api_conforms_to_its_document(schema: schemathesis.BaseSchema, mode: GenerationMode) -> None:
    checks = _CHECKS if mode is GenerationMode.POSITIVE else _REFUSALS
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @tries(_EXAMPLES[mode])
        @given(case=operation.as_strategy(generation_mode=mode))
        def conforms(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=_CALLER, timeout=_ANSWER_SECONDS, checks=checks)

        with suppress(Unsatisfiable) if mode.is_negative else nullcontext():  # nothing that could be wrong is sent
            conforms()
