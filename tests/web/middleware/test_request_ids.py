"""Every answer has an id by which a log can be searched; a caller may give its own."""

import pytest

from tests.web.calls import Web, message

pytestmark = pytest.mark.anyio


async def ids(web: Web, given: str | None) -> list[str]:
    headers = {"X-Request-ID": given} if given is not None else {}
    answers = [
        await web.client.get("/livez", headers=headers),
        await web.client.get("/nosuch", headers=headers),
        await web.client.post("/webhooks/generic/inbound", json=message(), headers=headers),
        await web.client.get("/livez", headers={**headers, "Host": "evil.example"}),
    ]
    return [answer.headers["x-request-id"] for answer in answers]


async def test_an_id_is_made(web: Web) -> None:
    made = await ids(web, None)
    assert len({*made}) == len(made)
    assert all(len(one) >= 16 for one in made)


async def test_a_sane_id_is_kept(web: Web) -> None:
    given = "Root=1-67891233:abcdef".replace("=", "_")
    assert await ids(web, given) == [given] * 4


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "13800138000", "XGMM.802357.739184", "-x", "a;b"])
async def test_another_one_is_replaced(web: Web, given: str) -> None:
    """An id with a number or a password would put it into the log."""
    assert given not in await ids(web, given)
