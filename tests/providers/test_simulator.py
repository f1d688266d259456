"""The simulated carrier keeps the contract for inbound requests; tests/services sends to its handsets."""

import httpx
import pytest

from app.providers.base import Provider
from tests.providers.contract import WebhookContract

pytestmark = pytest.mark.anyio


class TestSimulator(WebhookContract):
    kind = "simulator"

    def sender(self, transport: httpx.AsyncBaseTransport) -> Provider:
        """Skip the test: the adapter is not called to send, as the handsets are in the database."""
        pytest.skip("sends in the database")
