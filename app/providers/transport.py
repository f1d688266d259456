"""The HTTP client of all providers; only who calls one imports it."""

import ssl
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport


@cache
def certificates() -> ssl.SSLContext:
    """Return the TLS context for carriers and receivers; cached, as loading it is the slowest step of a start."""
    return httpx.create_ssl_context(trust_env=False)


def make_transport() -> httpx.AsyncBaseTransport:
    """Return the transport that all providers share, chosen by measuring (ADR 8).

    It has no limit of connections: the window of each provider bounds its requests in flight.
    """
    tls = certificates()

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=5)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=tls, client=session)
