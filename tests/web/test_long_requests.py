"""No request is answered at length or with an error of ours, whatever it is made of (safety.md 37).

How long each takes is measured by `python -m bench.effort`.
"""

import pytest

from bench.effort import REQUESTS
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
_LONGEST_ANSWER = 300_000


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("path", "body"), REQUESTS.values(), ids=REQUESTS)
async def test_what_takes_longest_is_answered_in_short(web: Web, path: str, body: str) -> None:
    answer = await web.call("POST", path, content=body.encode("utf-8", "surrogatepass"))
    assert answer.status_code < 500
    assert len(answer.content) < _LONGEST_ANSWER
