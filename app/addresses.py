"""Validation of the URLs that the gateway calls, the same when one is stored and when it is used (safety.md 30, 32).

Error messages end a sentence that starts with the name of the setting or field.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
from yarl import URL

_NO_ADDRESS = "is not an address such as https://sp.example/events"
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
# Resolvers read more than four decimal numbers as an IPv4 address: 0x7f.1, 127.1, 0177.0.0.1.
_LIKE_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

# The range that global unicast addresses are allocated from; nothing outside of it is public.
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
_DOCUMENTATION = IPv6Network("3fff::/20")
_LOW_32 = 0xFFFFFFFF


class AddressError(ValueError):
    """The URL cannot be called. The message says why, without quoting it."""


def address_of(text: str) -> httpx.URL:
    """Return the parsed http or https URL. Raise AddressError if the sending code could not use it."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise AddressError(_NO_ADDRESS)
    try:
        url = httpx.URL(text)
        sent = URL(str(url))  # as the transport parses it
        host, port = url.raw_host.decode().lower().rstrip("."), sent.port
    except (httpx.InvalidURL, ValueError):
        raise AddressError(_NO_ADDRESS) from None
    if url.scheme not in ("http", "https") or sent.scheme != url.scheme or not port or (url.port or port) != port:
        raise AddressError(_NO_ADDRESS)
    if url.userinfo or "@" in url.netloc.decode():
        raise AddressError("must not hold a user or password; what is sent is signed")
    if not _is_host(host) or not _is_same((sent.raw_host or "").rstrip("."), host):
        raise AddressError(_NO_ADDRESS)
    return url


def address_violation(text: str) -> str | None:
    """Return what is wrong with a URL; None if nothing is, as far as that is known without calling it."""
    try:
        address_of(text)
    except AddressError as error:
        return str(error)
    return None


def _is_host(host: str) -> bool:
    if literal_of(host) is not None:
        return "%" not in host
    return bool(_HOST.fullmatch(host)) and not _LIKE_A_NUMBER.fullmatch(host)


def _is_same(one: str, other: str) -> bool:
    return one == other or (literal_of(one) is not None and literal_of(one) == literal_of(other))


def literal_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is, with or without brackets; None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


# ---- public addresses


def is_public(text: str) -> bool:
    """Return True if an IP address is public, and so is every IPv4 address embedded in it. Raise ValueError."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    if not all(map(_is_public_v4, _embedded_v4(address))):
        return False
    if address in _NAT64 or address.ipv4_mapped or address.teredo:
        return True
    return (
        address in _UNICAST and address not in _DOCUMENTATION and (address.is_global or address.sixtofour is not None)
    )


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded_v4(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address maps to, is translated to, or is tunnelled through."""
    low = IPv4Address(int(address) & _LOW_32)
    found = [low] if address in _NAT64 or (int(address) >> 32) & _LOW_32 in _ISATAP else []
    found += [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    return [*found, *(address.teredo or ())]
