"""Fixtures: a gateway with an HTTP client on each kind of database, and the OpenAPI document."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings
from tests.running import settings_for
from tests.web.calls import Web, serving


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    """A client of a gateway with the demo customers and a frozen clock."""
    async with serving(settings) as started:
        yield started


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The gateway's OpenAPI document, shared as it is slow to generate. No test changes it."""
    made: dict[str, Any] = json.loads(json.dumps(create_app(settings_for("sqlite://")).openapi()))
    return made
