"""Worst-case requests get short answers and cause no internal error (safety.md 37).

`python -m bench.effort` measures how long each takes.
"""

import pytest

from bench.effort import REQUESTS
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
_LONGEST_ANSWER = 300_000


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("path", "body"), REQUESTS.values(), ids=REQUESTS)
async def test_worst_case_requests_get_short_answers(web: Web, path: str, body: str) -> None:
    answer = await web.call("POST", path, content=body.encode("utf-8", "surrogatepass"))
    assert answer.status_code < 500
    assert len(answer.content) < _LONGEST_ANSWER
