"""A gateway's web part for each test, on each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.web.calls import Web, serving

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tables of inputs run on SQLite alone: what they try is judged before any database has a say."""
    tables = [item for item in items if item.path.is_relative_to(HERE) and _is_row_of_table(item)]
    config.hook.pytest_deselected(items=tables)
    left_out = set(tables)
    items[:] = [item for item in items if item not in left_out]


def _is_row_of_table(item: pytest.Item) -> bool:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return "postgresql" in params.values() and len(params) > 1


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    """The web part of a gateway with the demo customers, its clock standing still."""
    async with serving(settings) as started:
        yield started
