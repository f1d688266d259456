"""Fixtures: a gateway with an HTTP client on each kind of database."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.web.calls import Web, serving


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    """A client of a gateway with the demo customers and a frozen clock."""
    async with serving(settings) as started:
        yield started
