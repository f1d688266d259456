"""A gateway's web part for each test, on each kind of database."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.web.calls import Web, serving


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    """The web part of a gateway with the demo customers, its clock standing still."""
    async with serving(settings) as started:
        yield started
