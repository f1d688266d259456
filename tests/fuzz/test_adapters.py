"""Adapters of every kind read changed requests of the real carriers, or refuse them; they never fail."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.requests import MalformedRequestError, NotAuthenticError
from tests.effort import tries
from tests.fuzz.carriers import KINDS_THAT_CALL, Carrier
from tests.fuzz.mutations import changed_requests


@pytest.mark.parametrize("kind", KINDS_THAT_CALL)
@tries(150)
@given(data=st.data())
def test_a_request_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    carrier = Carrier(kind)
    found: list[tuple[Any, Any]] = carrier.recorded()
    request, value = data.draw(st.sampled_from(found))
    seen = carrier.seen(data.draw(changed_requests(request, value)))
    with suppress(NotAuthenticError, MalformedRequestError):
        carrier.adapter.admit(seen)
    for read in (carrier.adapter.parse_inbound, carrier.adapter.parse_reports):
        with suppress(MalformedRequestError):
            read(seen)
