"""Requests to addresses that others chose: only to public ones, and only to the very address that was checked.

The check is part of resolving a name, so what is connected to is what was checked, however the name answers next time
(safety.md 30). The name stays that of the request: for the Host header, for SNI and for the certificate.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override

from app.providers.http import certificates

_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32 = 0xFFFFFFFF


class PrivateAddressError(OSError):
    """A name leads to an address that is not public."""


def is_public(text: str) -> bool:
    """Whether an address is one of the internet's; one that wraps an IPv4 address is judged by that."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        wrapped = _wrapped(address)
        if wrapped is not None:
            return wrapped.is_global and not wrapped.is_multicast
    return address.is_global and not address.is_multicast


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


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


def fault_of(url: str, *, private: bool) -> str | None:
    """What is wrong with the address of a webhook, as the end of a sentence; names are checked when they resolve.

    ``private``: addresses of our own network are fine, and http is.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not an address such as https://sp.example/events"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not url.isascii():
        return "is not an address such as https://sp.example/events"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or password; events are signed"
    if private:
        return None
    if parts.scheme != "https":
        return "must be https; http is for SMSGW_ALLOW_PRIVATE_WEBHOOKS=true only"
    return "must be a public address" if _is_private_literal(parts.hostname) else None


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False


def make_webhook_transport(*, private: bool) -> httpx.AsyncBaseTransport:
    """A transport that resolves at each request and keeps no connection; redirects are never followed.

    ``private``: any address will do.
    """
    tls = certificates()

    def session() -> aiohttp.ClientSession:
        plain = aiohttp.ThreadedResolver()
        resolver = plain if private else CheckedResolver(plain)
        connector = aiohttp.TCPConnector(limit=0, ssl=tls, resolver=resolver, use_dns_cache=False, force_close=True)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=tls, client=session)
