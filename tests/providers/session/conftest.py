"""Run tests with each kind of carrier over sessions."""

import pytest

from tests.providers.session.carriers import CARRIERS, AnyCarrier


@pytest.fixture(params=CARRIERS, ids=lambda carrier: carrier.name)
def carrier(request: pytest.FixtureRequest) -> AnyCarrier:
    found: AnyCarrier = request.param
    return found
