"""Whatever is sent to any call of the API: no 5xx, a documented answer that repeats nothing, and nothing stored of what was refused."""

import io
import json
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.settings import Settings
from app.web.examples import EXAMPLES
from tests.effort import tries
from tests.fuzz.examined import Examined
from tests.fuzz.mutations import Changed, changed_requests
from tests.web.calls import serving

pytestmark = [
    pytest.mark.anyio,
    # The gateway draws random numbers in its own tasks meanwhile.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]
_CALLER = ((b"authorization", b"Bearer demo"), (b"x-reason", b"a test"), (b"content-type", b"application/json"))
# Years would run day by day, and a stream never ends; a page of a handset reads one (tests/fuzz/test_connections.py).
_ADVANCE, _STREAM = "/simulator/clock/advance", "/events"
_FURTHEST_SECONDS = 2 * 86400


def example(name: str, body: str) -> Changed:
    """Return the request of an example of the API reference."""
    call = EXAMPLES[name]
    method, path = name.split(" ")
    query = {
        key: str(value)
        for key, value in call.parameters.items()
        if f"{{{key}}}" not in path and not key.startswith("X-")
    }
    filled = path.format_map({key: quote(str(value), safe="") for key, value in call.parameters.items()})
    value = json.dumps(call.bodies[body]).encode() if body else b""
    return Changed(method.upper(), filled, urlencode(query), _CALLER, value)


CALLS = [(name, body) for name, call in EXAMPLES.items() for body in call.bodies or [""]]
REQUESTS: st.SearchStrategy[Changed] = st.sampled_from(CALLS).flatmap(
    lambda call: changed_requests(example(*call), EXAMPLES[call[0]].bodies.get(call[1]))
)


def _ends_soon(request: Changed) -> bool:
    if request.method.upper() == "GET" and request.path.endswith(_STREAM) and request.path.startswith("/simulator"):
        return False
    if not request.path.startswith(_ADVANCE):
        return True
    try:
        given = json.loads(request.body)
        return "to" not in given and float(given.get("seconds", 0)) < _FURTHEST_SECONDS
    except (ValueError, TypeError, AttributeError, RecursionError):
        return True


@pytest.fixture
async def examined(settings: Settings, log: io.StringIO) -> AsyncIterator[Examined]:
    """A client of a gateway with the demo customers and a frozen clock."""
    async with serving(settings) as web:
        yield Examined(web, log)


@tries(400)
@given(sent=REQUESTS)
async def test_nothing_that_is_refused_is_stored(examined: Examined, sent: Changed) -> None:
    assume(_ends_soon(sent))
    await examined.send(sent)
