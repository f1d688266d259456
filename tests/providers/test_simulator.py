"""The simulated carrier keeps the contract for inbound requests; tests/services sends through it."""

import httpx
import pytest

from app.providers import make_provider
from app.providers.base import Provider, ProviderSettings
from tests.providers.contract import ProviderContract, surroundings

pytestmark = pytest.mark.anyio


class TestSimulator(ProviderContract):
    kind = "simulator"

    def make(self, transport: httpx.AsyncBaseTransport) -> Provider:
        return make_provider(ProviderSettings("simulator", self.kind), surroundings(transport))

    async def test_a_request_that_may_have_arrived_is_unknown(self) -> None:
        """Nothing to test: there is no connection that could break. tests/services simulates lost answers."""
