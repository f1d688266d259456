"""HEAD is there wherever GET is: the same head, no body."""

import asyncio

import pytest

from tests.web.calls import Web

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/livez", "/api/v1/messages", "/docs", "/openapi.json", "/static/docs.js"])
async def test_head_answers_as_get_without_the_body(web: Web, path: str) -> None:
    got, head = await web.get(path), await web.call("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_head_of_what_is_not_there(web: Web) -> None:
    head = await web.call("HEAD", "/api/v1/subscribers/13711112222")
    assert (head.status_code, head.content) == (404, b"")


async def test_head_without_a_token(web: Web) -> None:
    assert (await web.call("HEAD", "/api/v1/messages", token=None)).status_code == 401


async def test_head_of_a_write(web: Web) -> None:
    head = await web.call("HEAD", "/api/v1/imports")
    assert (head.status_code, head.headers["allow"]) == (405, "POST")


async def test_head_of_a_stream_ends(web: Web) -> None:
    async with asyncio.timeout(30):
        head = await web.call("HEAD", "/simulator/handsets/13800138000/events")
    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/event-stream")
