"""Protection against SSRF: requests to addresses that others chose go to public addresses only.

The check is part of resolving a name, so the connection goes to the address that was checked, even if the name
resolves to another one next time (safety.md 30). The request keeps the name for its Host header, for SNI and for the
certificate.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override

from app.addresses import is_public
from app.providers.transport import certificates


class PrivateAddressError(OSError):
    """A name resolves to an address that is not public."""


_Key = tuple[str, int, socket.AddressFamily]
_MAX_THREADS = 32


class Lookups(AbstractResolver):
    """Resolves names in threads of its own, one thread a name.

    A name server that never answers blocks a thread for half a minute, which must not be one of a pool that others
    need (safety.md 32).
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="names")
        self._in_flight: dict[_Key, asyncio.Future[list[ResolveResult]]] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        key = (host, port, family)
        if (found := self._in_flight.get(key)) is None:
            found = asyncio.get_running_loop().run_in_executor(self._threads, _get_addresses, *key)
            self._in_flight[key] = found
            found.add_done_callback(lambda _: self._in_flight.pop(key))
        return await asyncio.shield(found)

    @override
    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _get_addresses(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        {"hostname": host, "host": str(at[0]), "port": port, "family": kind, "proto": proto, "flags": flags}
        for kind, _, proto, _, at in found
    ]


class CheckedResolver(AbstractResolver):
    """Resolves a name anew each time. Raises PrivateAddressError if any of its addresses is not public."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        _refuse_private([one["host"] for one in found])
        return found

    @override
    async def close(self) -> None:
        await self._resolver.close()


def _refuse_private(addresses: Sequence[str]) -> None:
    if not all(map(is_public, addresses)):
        raise PrivateAddressError("the name leads to an address that is not public")


def make_webhook_transport(*, private: bool) -> httpx.AsyncBaseTransport:
    """Return a transport that resolves the host at each request and keeps no connection.

    ``private``: allow private addresses.
    """
    tls = certificates()

    def session() -> aiohttp.ClientSession:
        plain = Lookups()
        resolver = plain if private else CheckedResolver(plain)
        connector = aiohttp.TCPConnector(limit=0, ssl=tls, resolver=resolver, use_dns_cache=False, force_close=True)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=tls, client=session)
