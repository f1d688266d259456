"""Requests to addresses that others chose: only to public ones, and only to the very address that was checked.

The check is part of resolving a name, so what is connected to is what was checked, however the name answers next time
(safety.md 30). The name stays that of the request: for the Host header, for SNI and for the certificate.
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

from app.addresses import AddressError, address_of, is_public, literal_of
from app.providers.http import certificates


class PrivateAddressError(OSError):
    """A name leads to an address that is not public."""


_Key = tuple[str, int, socket.AddressFamily]
_LOOKUPS = 32


class Lookups(AbstractResolver):
    """Looks names up in threads of its own, one thread a name.

    A name server that never answers keeps a thread for half a minute: it must be one that nobody else needs
    (safety.md 32).
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="names")
        self._under_way: dict[_Key, asyncio.Future[list[ResolveResult]]] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        key = (host, port, family)
        if (found := self._under_way.get(key)) is None:
            found = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, *key)
            self._under_way[key] = found
            found.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(found)

    @override
    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        {"hostname": host, "host": str(at[0]), "port": port, "family": kind, "proto": proto, "flags": flags}
        for kind, _, proto, _, at in found
    ]


class CheckedResolver(AbstractResolver):
    """Resolves anew each time, and only to public addresses; a name that also leads elsewhere is not trusted at all."""

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


def address_violation(url: str, *, private: bool) -> str | None:
    """What is wrong with the address of a webhook, as the end of a sentence; names are checked when they resolve.

    ``private``: addresses of our own network are fine, and http is.
    """
    try:
        address = address_of(url)
    except AddressError as error:
        return str(error)
    if private:
        return None
    if address.scheme != "https":
        return "must be https; http is for SMSGW_ALLOW_PRIVATE_WEBHOOKS=true only"
    literal = literal_of(address.host.rstrip("."))
    return "must be a public address" if literal is not None and not is_public(str(literal)) else None


def make_webhook_transport(*, private: bool) -> httpx.AsyncBaseTransport:
    """A transport that resolves at each request and keeps no connection; redirects are never followed.

    ``private``: any address will do.
    """
    tls = certificates()

    def session() -> aiohttp.ClientSession:
        plain = Lookups()
        resolver = plain if private else CheckedResolver(plain)
        connector = aiohttp.TCPConnector(limit=0, ssl=tls, resolver=resolver, use_dns_cache=False, force_close=True)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=tls, client=session)
