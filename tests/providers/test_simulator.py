"""The simulated carrier keeps the contract for inbound requests; tests/services sends through it."""

import pytest

from tests.providers.contract import WebhookContract

pytestmark = pytest.mark.anyio


class TestSimulator(WebhookContract):
    kind = "simulator"

    async def test_a_request_that_may_have_arrived_is_unknown(self) -> None:
        """Nothing to test: there is no connection that could break. tests/services simulates lost answers."""
