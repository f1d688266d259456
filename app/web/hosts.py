"""Local gateways belong to their user: whom demo, dev and test answer (safety.md 36).

Their token is known to everybody. A name that somebody points at loopback, or a page in the user's browser, must not
reach them with it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import httpx
from starlette.types import Scope

from app.web.problems import ProblemError

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS = {"http": 80, "https": 443}
_SAME_SITE = frozenset({"same-origin", "none"})
_WEBHOOKS = "/webhooks/"


@dataclass(frozen=True, slots=True)
class OwnHosts:
    """The names that a local gateway is called by: loopback's, and those that were given.

    ``guarded``: providers whose webhooks prove themselves by a signature or by their path, under any name.
    """

    names: Collection[str] = ()
    guarded: Collection[str] = ()

    def check(self, scope: Scope) -> None:
        """Raise ProblemError for a request that another name or another page's script led here."""
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        place = _host_and_port(f"//{given[0]}") if len(given) == 1 else None
        if not self._is_exempt(scope["path"]) and (place is None or not self._is_ours(place[0])):
            raise ProblemError(
                421,
                "This gateway answers to loopback names only; set SMSGW_ALLOWED_HOSTS to the name it is called by.",
            )
        if _is_write(scope) and _is_cross_origin(scope, place):
            raise ProblemError(403, "Another web page sent this; only pages of this gateway may write to it.")

    def _is_exempt(self, path: str) -> bool:
        return path.startswith(_WEBHOOKS) and path.removeprefix(_WEBHOOKS).partition("/")[0] in self.guarded

    def _is_ours(self, host: str) -> bool:
        return host == "localhost" or host in self.names or _is_loopback(host)


_HostAndPort = tuple[str, int | None]


def host_name(given: str) -> str | None:
    """A host's name as they are compared, from a name or address with or without a port; None if it is none."""
    place = _host_and_port(f"//[{given}]" if given.count(":") > 1 and not given.startswith("[") else f"//{given}")
    return place[0] if place else None


@lru_cache(maxsize=256)
def _host_and_port(url: str) -> _HostAndPort | None:
    """Host and port of an address that has nothing else; None for anything else."""
    if "@" in url or not url.isascii() or not url.isprintable():
        return None
    try:
        found = httpx.URL(url)
        bare = found.raw_host.decode().lower().removesuffix(".")
    except (httpx.InvalidURL, ValueError):
        return None
    if not bare or found.raw_path not in (b"", b"/") or url.endswith(("/", "#", "?")) or found.fragment or found.query:
        return None
    return bare, found.port or _PORTS.get(found.scheme)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    inside = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (inside or address).is_loopback


def _is_write(scope: Scope) -> bool:
    """Some carriers call their webhooks by GET."""
    return scope["method"] not in _READS or scope["path"].startswith(_WEBHOOKS)


def _is_cross_origin(scope: Scope, here: _HostAndPort | None) -> bool:
    """Whether a browser says that another origin's page sent it; what is no browser says nothing."""
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site" and value.decode("latin-1").strip().lower() not in _SAME_SITE:
            return True
        if name == b"origin":
            scheme, _, _ = value.decode("latin-1").partition("://")
            origin = _host_and_port(value.decode("latin-1").strip())
            # The host as it was called has no scheme: its port is the one that the origin's means.
            if origin is None or here is None or origin != (here[0], here[1] or _PORTS.get(scheme.lower())):
                return True
    return False
