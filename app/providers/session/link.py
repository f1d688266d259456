"""One connection: PDUs in, and writes that are joined into one for each pass of the event loop."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Sequence
from struct import Struct
from typing import cast

from typing_extensions import override

from app.domain.values import value
from app.providers.base import Lease
from app.providers.session.dialect import End, EndKind

_LENGTH = Struct(">I")
# Octets that wait for a carrier which reads nothing: more than a full window and the answers to 20,000 messages.
_MOST_WAITING = 1 << 20


@value
class Address:
    """Where a carrier listens. ``tls`` None: in the clear. ``server_name`` is that of its certificate."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class Link(asyncio.Protocol):
    """Cuts what is received into PDUs, and writes. Before each write it looks at the lease (carriers.md 3.3).

    Attributes:
        heard_at: when octets came last, in monotonic seconds.
        written: how many of the writes were given to the operating system.
        is_reading: False while the peer has to wait.
    """

    def __init__(
        self,
        lengths: tuple[int, int],
        lease: Lease,
        on_pdu: Callable[[bytes], None],
        on_read: Callable[[], None],
        on_end: Callable[[End], None],
    ) -> None:
        """``on_pdu`` gets each PDU, ``on_read`` is called behind the last one of a read, ``on_end`` once."""
        self._shortest, self._longest = lengths
        self._lease = lease
        self._on_pdu, self._on_read, self._on_end = on_pdu, on_read, on_end
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._partial = b""
        self._out: list[bytes] = []
        self._waiting = 0
        self._is_full = False
        self._is_closing = False
        self.heard_at = time.monotonic()
        self.written = 0
        self.is_reading = True

    # ---- asyncio's

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # What the operating system does not accept stays here, so that it is known to be unsent. TLS takes 0 for a
        # buffer that is always full.
        is_tls = transport.get_extra_info("sslcontext") is not None
        self._transport.set_write_buffer_limits(high=1 if is_tls else 0, low=0)

    @override
    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        self._cut(self._partial + data if self._partial else data)

    def _cut(self, octets: bytes) -> None:
        """Hand on all whole PDUs, until the peer has to wait."""
        place, end = 0, len(octets)
        while self.is_reading and end - place >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(octets, place)
            if not self._shortest <= length <= self._longest:
                self._partial = b""
                self.abort(End(EndKind.LINK, "a PDU of impossible length came"))
                return
            if end - place < length:
                break
            self._on_pdu(octets[place : place + length])
            place += length
        self._partial = octets[place:]
        self._on_read()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closing = True
        self._on_end(End(EndKind.LINK, "the connection was lost"))

    @override
    def pause_writing(self) -> None:
        self._is_full = True

    @override
    def resume_writing(self) -> None:
        self._is_full = False
        self._flush()

    # ---- the session's

    @property
    def is_within_pdu(self) -> bool:
        """Whether the rest of a PDU is missing."""
        return bool(self._partial)

    def write(self, octets: bytes) -> int:
        """Write with the next pass of the event loop. Return how many writes ``written`` counts when it is done."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(octets)
        self._waiting += len(octets)
        place = self.written + len(self._out)
        if self._is_full and self._waiting > _MOST_WAITING and not self._is_closing:
            # All that it sends counts as life, so that tests of the link would never end this.
            self.abort(End(EndKind.LINK, "the carrier does not read what it is sent"))
        return place

    def read(self, *, on: bool) -> None:
        """Read on, or let the peer wait."""
        if on is not self.is_reading and self._transport is not None and not self._is_closing:
            self.is_reading = on
            if on:
                self._transport.resume_reading()
                self.heard_at = time.monotonic()
                self._cut(self._partial)
            else:
                self._transport.pause_reading()

    def close(self) -> None:
        """Write what waits, and close."""
        self._flush()
        self._is_closing = True
        if self._transport is not None:
            self._transport.close()

    def abort(self, end: End) -> None:
        """Close without another word."""
        self._is_closing = True
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()
        self._on_end(end)

    def _flush(self) -> None:
        if not self._out or self._is_full or self._is_closing or self._transport is None:
            return
        if self._lease.seconds_left <= 0:
            self.abort(End(EndKind.STORAGE, "the lease of the bind ran out"))
            return
        out, self._out, self._waiting = self._out, [], 0
        self.written += len(out)
        self._transport.write(b"".join(out))


async def connect(link: Link, addresses: Sequence[Address], seconds: float) -> End | None:
    """Connect to the first address that answers, each within so long. Return why there is no connection."""
    loop, end = asyncio.get_running_loop(), None
    for address in addresses:
        name = (address.server_name or address.host) if address.tls else None
        try:
            async with asyncio.timeout(seconds):
                await loop.create_connection(
                    lambda: link, address.host, address.port, ssl=address.tls, server_hostname=name
                )
        except (OSError, TimeoutError) as error:
            end = End(EndKind.LINK, _words(error))
        else:
            return None
    return end


def _words(error: OSError | TimeoutError) -> str:
    """Return why there is no connection, in words that name no address."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of the carrier is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return "TLS failed"
        case TimeoutError():
            return "connecting took too long"
        case OSError(errno=int(number)) if number > 0:
            # asyncio's own words have the address in them.
            return f"no connection: {os.strerror(number)}"
        case _:
            return f"no connection: {error.strerror or type(error).__name__}"
