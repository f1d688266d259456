"""Protection of local gateways (demo, dev, test) against DNS rebinding and cross-site requests (safety.md 36).

Everybody knows the token of such a gateway. So neither a foreign host name that points at loopback nor a foreign page
in the user's browser may reach it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import httpx
from starlette.types import Scope

from app.web.problem_codes import Code
from app.web.problems import ProblemError

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS = {"http": 80, "https": 443}
_SAME_SITE = frozenset({"same-origin", "none"})
_WEBHOOKS = "/webhooks/"


@dataclass(frozen=True, slots=True)
class OwnHosts:
    """The host names that a local gateway answers to: loopback's and those in ``names``.

    ``guarded`` are the names of providers whose webhooks are authenticated by a signature or a path token. They may be
    called under any host name.
    """

    names: Collection[str] = ()
    guarded: Collection[str] = ()

    def check(self, scope: Scope) -> None:
        """Raise ProblemError for a request to another host name (421) or a write from another site's page (403)."""
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        place = _host_and_port(f"//{given[0]}") if len(given) == 1 else None
        if not self._is_exempt(scope["path"]) and (place is None or not self._is_ours(place[0])):
            raise ProblemError(
                Code.OTHER_HOST,
                "This gateway answers to loopback names only; set SMSGW_ALLOWED_HOSTS to the name it is called by.",
            )
        if _is_write(scope) and _is_cross_origin(scope, place):
            raise ProblemError(
                Code.OTHER_ORIGIN, "Another web page sent this; only pages of this gateway may write to it."
            )

    def _is_exempt(self, path: str) -> bool:
        return path.startswith(_WEBHOOKS) and path.removeprefix(_WEBHOOKS).partition("/")[0] in self.guarded

    def _is_ours(self, host: str) -> bool:
        return host == "localhost" or host in self.names or _is_loopback(host)


_HostAndPort = tuple[str, int | None]


def host_name(given: str) -> str | None:
    """Return the host name in the form used for comparison; None if ``given`` is not a host with an optional port."""
    place = _host_and_port(f"//[{given}]" if given.count(":") > 1 and not given.startswith("[") else f"//{given}")
    return place[0] if place else None


@lru_cache(maxsize=256)
def _host_and_port(url: str) -> _HostAndPort | None:
    """Return host and port of a URL that has no other parts; None for any other text."""
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
    """Return True for a write. A GET of a webhook counts as one, as some carriers deliver messages by GET."""
    return scope["method"] not in _READS or scope["path"].startswith(_WEBHOOKS)


def _is_cross_origin(scope: Scope, here: _HostAndPort | None) -> bool:
    """Return True if the headers say that a page of another origin sent it. Only browsers send these headers."""
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site" and value.decode("latin-1").strip().lower() not in _SAME_SITE:
            return True
        if name == b"origin":
            scheme, _, _ = value.decode("latin-1").partition("://")
            origin = _host_and_port(value.decode("latin-1").strip())
            # The Host header has no scheme, so its default port is that of the origin's scheme.
            if origin is None or here is None or origin != (here[0], here[1] or _PORTS.get(scheme.lower())):
                return True
    return False
