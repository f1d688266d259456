"""Addresses that we call: one rule for what is stored and for what is sent to (safety.md 30, 32).

What is wrong is told as the end of a sentence that begins with the setting's or the field's name.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
from yarl import URL

_NO_ADDRESS = "is not an address such as https://sp.example/events"
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
# Resolvers read more than four decimal numbers as an IPv4 address: 0x7f.1, 127.1, 0177.0.0.1.
_LIKE_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

# All that was given out for use between networks; what lies outside is not public, whatever it will be for one day.
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
_DOCUMENTATION = IPv6Network("3fff::/20")
_LOW_32 = 0xFFFFFFFF


class AddressError(ValueError):
    """It is no address that can be called; the words say why, without it."""


def address_of(text: str) -> httpx.URL:
    """An http or https address as it is sent to. AddressError if the sending code could not use it."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise AddressError(_NO_ADDRESS)
    try:
        url = httpx.URL(text)
        sent = URL(str(url))  # what the transport makes of it
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
    """What is wrong with an address, if anything can be told before it is called."""
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
    """A host that is an address and no name; an IPv6 address may stand in brackets."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


# ---- the internet's


def is_public(text: str) -> bool:
    """Whether an address is one of the internet's, and so is every IPv4 address that it carries inside."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    inside = _inside(address)
    if not all(map(_is_public_v4, inside)):
        return False
    if address in _NAT64 or address.ipv4_mapped or address.teredo:
        return True
    return (
        address in _UNICAST and address not in _DOCUMENTATION and (address.is_global or address.sixtofour is not None)
    )


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that this one is, is translated to, or is tunnelled through."""
    low = IPv4Address(int(address) & _LOW_32)
    found = [low] if address in _NAT64 or (int(address) >> 32) & _LOW_32 in _ISATAP else []
    found += [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    return [*found, *(address.teredo or ())]
