"""The simulated carrier keeps the contract in what comes in; tests/services sends through it."""

import httpx
import pytest

from app.providers import ProviderSettings, Surroundings, make_provider
from app.providers.base import NotTried, Provider, RefusedForNow, SendResult, Submission
from tests.providers.contract import ProviderContract

pytestmark = pytest.mark.anyio


class _Network:
    """Takes nothing; whatever the transport would have done is nothing to it."""

    async def take(self, submissions: list[Submission]) -> list[SendResult]:
        return [NotTried() if number else RefusedForNow("simulated") for number in range(len(submissions))]


class TestSimulator(ProviderContract):
    kind = "simulator"

    def make(self, transport: httpx.AsyncBaseTransport) -> Provider:
        return make_provider(ProviderSettings("simulator", self.kind), Surroundings(_Network(), transport))  # type: ignore[arg-type]

    async def test_a_request_that_may_have_arrived_is_unknown(self) -> None:
        """There is no connection that could break: tests/services makes it lose answers."""
