"""A gateway's web part for each test, on each kind of database."""

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
    """The web part of a gateway with the demo customers, its clock standing still."""
    async with serving(settings) as started:
        yield started


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """What a gateway says of its API; it takes long to make, and no test changes it."""
    made: dict[str, Any] = json.loads(json.dumps(create_app(settings_for("sqlite://")).openapi()))
    return made
