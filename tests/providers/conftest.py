"""Parametrise the contract's tests with the recorded payloads of their direction."""

import pytest

from tests.providers.contract import WebhookContract, recordings

DIRECTIONS = {"inbound": ["inbound"], "reports": ["reports"], "send": ["send"], "received": ["inbound", "reports"]}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.cls is None or not issubclass(metafunc.cls, WebhookContract):
        return
    for name, directions in DIRECTIONS.items():
        if name in metafunc.fixturenames:
            found = recordings(metafunc.cls.kind, *directions)
            metafunc.parametrize(name, found, ids=[recording["name"] for recording in found])
