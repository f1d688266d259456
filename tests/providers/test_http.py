"""Results of a request over each transport: answered, certainly not sent, or unknown (delivery.md 8)."""

import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from app.providers.http import HttpAnswer, HttpPoster, NoAnswer
from app.providers.transport import make_transport
from tests.providers import sink as sinks
from tests.providers.sink import Sink, sink

pytestmark = pytest.mark.anyio
TIMEOUT_SECONDS = 1.0
BODY = b'{"text": "0000"}'


@pytest.fixture(params=[make_transport, httpx.AsyncHTTPTransport], ids=["the one in use", "httpx's own"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncBaseTransport]:
    make: Callable[[], httpx.AsyncBaseTransport] = request.param
    made = make()
    yield made
    await made.aclose()


@pytest.fixture
async def carrier() -> AsyncIterator[Sink]:
    async with sink() as started:
        yield started


async def post(transport: httpx.AsyncBaseTransport, url: str, within: float = 20) -> HttpAnswer | NoAnswer:
    return await HttpPoster(transport, within).post(httpx.URL(url), {"webhook-id": "one"}, BODY)


async def test_an_answer_is_given_back_with_its_status_and_body(
    transport: httpx.AsyncBaseTransport, carrier: Sink
) -> None:
    answer = await post(transport, carrier.url)

    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body) == (200, b'{"message_id": "theirs-one"}')
    [(headers, body)] = carrier.requests
    assert body == BODY
    assert (headers["user-agent"], headers["accept-encoding"]) == ("smsgw", "identity")


async def test_a_connection_is_used_again(transport: httpx.AsyncBaseTransport, carrier: Sink) -> None:
    for _ in range(3):
        assert isinstance(await post(transport, carrier.url), HttpAnswer)
    assert len(carrier.requests) == 3


@pytest.mark.parametrize("does", [sinks.CLOSES_AFTER_READING, sinks.NO_HTTP, sinks.CLOSES_WITHIN_ANSWER])
async def test_a_connection_that_breaks_after_the_request_leaves_it_unknown(
    transport: httpx.AsyncBaseTransport, carrier: Sink, does: str
) -> None:
    carrier.behaviour = lambda _reference, _time: does
    answer = await post(transport, carrier.url)

    assert isinstance(answer, NoAnswer)
    assert answer.sent
    assert answer.reason


async def test_no_answer_in_time_leaves_it_unknown(transport: httpx.AsyncBaseTransport, carrier: Sink) -> None:
    carrier.behaviour = lambda _reference, _time: sinks.NEVER
    assert await post(transport, carrier.url, within=TIMEOUT_SECONDS) == NoAnswer(sent=True, reason="no answer in time")


async def test_a_carrier_that_closes_before_reading_may_still_have_got_it(
    transport: httpx.AsyncBaseTransport, carrier: Sink
) -> None:
    """The bytes were sent; only the other side knows what it read."""
    carrier.behaviour = lambda _reference, _time: sinks.CLOSES_BEFORE_READING
    answer = await post(transport, carrier.url)

    assert isinstance(answer, NoAnswer)
    assert answer.sent


async def test_where_nobody_listens_nothing_was_sent(transport: httpx.AsyncBaseTransport) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        answer = await post(transport, f"http://127.0.0.1:{closed.getsockname()[1]}/send")

    assert answer == NoAnswer(sent=False, reason="connection refused")


async def test_where_no_host_has_the_name_nothing_was_sent(transport: httpx.AsyncBaseTransport) -> None:
    assert await post(transport, "http://carrier.invalid/send") == NoAnswer(sent=False, reason="unknown host")


async def test_where_no_connection_is_made_in_time_nothing_was_sent(transport: httpx.AsyncBaseTransport) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:  # these fill the listener's queue, so that no other connection is accepted
                one.setblocking(False)  # noqa: FBT003  takes no keyword
                one.connect_ex(address)
            answer = await post(transport, f"http://127.0.0.1:{address[1]}/send", within=TIMEOUT_SECONDS)
        finally:
            for one in waiting:
                one.close()

    assert isinstance(answer, NoAnswer)
    assert not answer.sent


async def test_a_carrier_without_tls_gets_nothing_over_https(
    transport: httpx.AsyncBaseTransport, carrier: Sink
) -> None:
    answer = await post(transport, carrier.url.replace("http:", "https:"), within=TIMEOUT_SECONDS)

    assert isinstance(answer, NoAnswer)
    assert not answer.sent
    assert carrier.requests == []


async def test_redirects_are_not_followed(transport: httpx.AsyncBaseTransport, carrier: Sink) -> None:
    carrier.behaviour = lambda _reference, _time: sinks.MOVED
    answer = await post(transport, carrier.url)

    assert isinstance(answer, HttpAnswer)
    assert answer.status == 302


async def test_a_too_long_answer_is_not_read_to_its_end(transport: httpx.AsyncBaseTransport, carrier: Sink) -> None:
    carrier.behaviour = lambda _reference, _time: sinks.ENDLESS
    answer = await post(transport, carrier.url)

    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body) == (200, None)


# ---- Retry-After


def retry_after(given: str) -> timedelta | None:
    return HttpAnswer(429, httpx.Headers({b"retry-after": given.encode("latin-1")}), b"").retry_after()


@pytest.mark.parametrize(("given", "seconds"), [("0", 0), ("30", 30), (" 120 ", 120), ("9" * 60, 72 * 3600)])
def test_retry_after_in_seconds(given: str, seconds: int) -> None:
    assert retry_after(given) == timedelta(seconds=seconds)


def test_retry_after_as_a_date() -> None:
    wait = retry_after(format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True))
    assert wait is not None
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
    assert retry_after("Fri, 31 Dec 2100 23:59:59 GMT") == timedelta(hours=72)


@pytest.mark.parametrize("given", ["", "soon", "-5", "1.5", "Fri, 01 Mar 2024 00:00:00 GMT", "²", "Fri, 99 Foo 2024"])
def test_an_unusable_retry_after_is_none(given: str) -> None:
    assert retry_after(given) is None
