"""Posting to a carrier over HTTP: bounded in time and size, and always knowing whether it may have arrived.

Exceptions do not say whether bytes went out: transports name the same fault differently. So the body is a stream that
notes whether it was asked for. Not asked for: the carrier has nothing. Asked for and no answer: nobody knows.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from typing_extensions import override

from app.domain.values import value

MOST_BYTES = 64 * 1024
_LONGEST_WAIT = timedelta(hours=72)
_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection broken",
    errno.EPIPE: "connection broken",
    errno.EHOSTUNREACH: "no way to the host",
    errno.ENETUNREACH: "no way to the host",
}


@value
class HttpAnswer:
    """A carrier's answer; ``body`` is None if it is longer than 64 KiB."""

    status: int
    headers: httpx.Headers
    body: bytes | None

    def retry_after(self) -> timedelta | None:
        """Return how long to wait by ``Retry-After``, in seconds or as a date: at most 72 hours; None without one."""
        given = self.headers.get("retry-after", "").strip()
        if given.isascii() and given.isdecimal():
            return min(timedelta(seconds=int(given[:9])), _LONGEST_WAIT)
        try:
            at = parsedate_to_datetime(given)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
        return min(wait, _LONGEST_WAIT) if wait > timedelta(0) else None


@value
class NoAnswer:
    """No answer came, or none that is HTTP.

    Attributes:
        sent: the carrier may have the request; False: it certainly has not.
        reason: what happened, or the type of the error; without values.
    """

    sent: bool
    reason: str


class _Body(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.pulled = False

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.pulled = True
        yield self._content


class HttpPoster:
    """Posts to carriers through a transport. Follows no redirect, stores no cookie, uses no proxy, logs nothing.

    It calls the transport, not ``httpx.AsyncClient``: what the client adds costs as much again as the request (ADR 8).
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout_seconds: float) -> None:
        """``timeout_seconds`` limits the whole request, from connecting to the last byte of the answer."""
        self._transport = transport
        self._timeout = timeout_seconds
        self._extensions = {"timeout": httpx.Timeout(timeout_seconds).as_dict()}

    async def post(self, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> HttpAnswer | NoAnswer:
        """Post once; never raises for what the transport or the carrier does."""
        body = _Body(content)
        given = {
            "host": url.netloc.decode("ascii"),
            "content-length": str(len(content)),
            "accept-encoding": "identity",
            "user-agent": "smsgw",
            **headers,
        }
        request = httpx.Request("POST", url, headers=given, stream=body, extensions=self._extensions)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._transport.handle_async_request(request)
                try:
                    return HttpAnswer(response.status_code, response.headers, await _bounded(response))
                finally:
                    await response.aclose()
        except Exception as error:  # noqa: BLE001  transports raise errors of many types
            return NoAnswer(body.pulled, _reason_of(error))


def _reason_of(error: BaseException) -> str:
    """Return why no answer came, without values; by the first cause, as transports name the same fault differently."""
    import aiohttp  # noqa: PLC0415  a gateway that calls nobody can start without it

    cause: BaseException | None = error
    is_late = False
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError | aiohttp.ClientConnectorCertificateError):
            return "certificate not accepted"
        if isinstance(cause, socket.gaierror | aiohttp.ClientConnectorDNSError):
            return "unknown host"
        if isinstance(cause, OSError) and cause.errno in _REASONS:
            return _REASONS[cause.errno]
        is_late = is_late or isinstance(cause, TimeoutError)
        cause = cause.__cause__ or cause.__context__
    return "no answer in time" if is_late else type(error).__name__


async def _bounded(response: httpx.Response) -> bytes | None:
    found = b""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  what an asynchronous transport answers with
    async for chunk in stream:
        found += chunk
        if len(found) > MOST_BYTES:
            return None
    return found


class LateTransport(httpx.AsyncBaseTransport):
    """A transport that is made at its first request, as the client and its certificates take part of a start."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._made: httpx.AsyncBaseTransport | None = None

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._made = self._made or self._make()
        return await self._made.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()
