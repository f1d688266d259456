"""Decoding of carriers' requests and answers to JSON in UTF-8: content encodings and charsets.

Refusals say what to send instead: a carrier that is told "Invalid JSON" looks in the wrong place.
"""

import zlib
from collections.abc import Mapping

from app.providers.charsets import UnknownCharsetError, codec_of, media_type_of
from app.providers.requests import MalformedRequestError

MOST_BYTES = 1024 * 1024
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_NO_JSON = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "text/xml"})
# Values of zlib's ``wbits``: detect a gzip or zlib header; expect no header.
_ANY_HEADER, _NO_HEADER = 47, -15
_GZIP = b"\x1f\x8b"
# Bytes that may precede the first character of a JSON text, in any of the accepted charsets.
_BEFORE = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"


class UnreadableBodyError(MalformedRequestError):
    """The body cannot be decoded; the message says why and what to send. ``status``: 413 or 415."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def decompress(body: bytes, content_encoding: str) -> bytes:
    """Return the body without its content encoding. Raise UnreadableBodyError, also above 1 MiB."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _PACKED:
        raise UnreadableBodyError(415, "Content-Encoding: gzip, deflate or none is read.")
    for header in (_ANY_HEADER, _NO_HEADER) if encoding == "deflate" else (_ANY_HEADER,):
        try:
            return _inflated(body, header)
        except zlib.error:
            continue
    raise UnreadableBodyError(415, f"Content-Encoding says {encoding}, and the body is not packed so.")


def _inflated(body: bytes, header: int) -> bytes:
    found = b""
    while body:
        inflating = zlib.decompressobj(header)
        found += inflating.decompress(body, MOST_BYTES + 1 - len(found))
        if len(found) > MOST_BYTES:
            raise UnreadableBodyError(413, "At most 64 KiB, or 1 MiB for an array, also unpacked.")
        if not inflating.eof:
            raise zlib.error
        body = inflating.unused_data
    return found


def is_array(body: bytes) -> bool:
    """Return True if a JSON text of any charset is an array, by its first character."""
    return body[:64].lstrip(_BEFORE)[:1] == b"["


def as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return JSON in UTF-8, converted from the charset of its byte order mark or Content-Type.

    Without either it is returned as it is: see ``encoding_error``. Raise UnreadableBodyError.
    """
    content_type = headers.get("content-type", "")
    media_type = media_type_of(content_type)
    if media_type in _NO_JSON and body[:64].lstrip(_BEFORE)[:1] not in (b"{", b"["):
        raise UnreadableBodyError(415, f"{media_type}: send JSON, with Content-Type: application/json.")
    try:
        codec = codec_of(content_type, body[:4]) or _by_zeros(body)
        return body if codec is None else body.decode(codec).encode()
    except UnknownCharsetError as error:
        raise UnreadableBodyError(415, str(error)) from None
    except UnicodeError:
        raise UnreadableBodyError(415, "The body is not in the charset that it says; send it in UTF-8.") from None


def _by_zeros(body: bytes) -> str | None:
    """Return the codec of UTF-16 without a byte order mark: JSON starts with an ASCII character."""
    first = {b"\x00{": "utf-16-be", b"\x00[": "utf-16-be", b"{\x00": "utf-16-le", b"[\x00": "utf-16-le"}
    return first.get(body[:2])


def encoding_error(body: bytes) -> MalformedRequestError | None:
    """Return why a body that no parser accepts is not even UTF-8; None if it is."""
    if body.startswith(_GZIP):
        return UnreadableBodyError(415, "The body is packed with gzip; say so with Content-Encoding: gzip.")
    try:
        body.decode()
    except UnicodeDecodeError:
        return MalformedRequestError(
            "The body is not in UTF-8; send UTF-8, or say its charset, as in Content-Type: application/json; "
            "charset=gbk."
        )
    return None


def answer_as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a carrier's answer in UTF-8, even if its headers are wrong; empty if it cannot be decoded.

    Charsets are tried in turn, as the ids that are looked for are ASCII in all of them.
    """
    try:
        plain = decompress(body, headers.get("content-encoding", ""))
    except UnreadableBodyError:
        return b""
    try:
        codec = codec_of(headers.get("content-type", ""), plain[:4]) or _by_zeros(plain)
    except UnknownCharsetError:
        codec = None
    for tried in dict.fromkeys((codec or "utf-8", "utf-8", "gb18030", "latin-1")):
        try:
            return plain.decode(tried).encode()
        except UnicodeError:
            continue
    return b""
