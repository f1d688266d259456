"""A minimal HTTP/1.1: builds requests and finds the end of answers."""

import json

JSON = "application/json"
NO_BODY = frozenset({204, 304})


class WireError(Exception):
    """An answer that this minimal parser does not support."""


def build_request(method: str, path: str, body: object) -> bytes:
    """Return the bytes of a whole keep-alive request with a JSON body."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {JSON}",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


def read_response(data: bytes) -> tuple[int, int, int] | None:
    """Return the status and the byte offsets of the body's start and end; None if the answer is incomplete."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    if not data.startswith(b"HTTP/1.1 "):
        raise WireError(f"not an HTTP/1.1 answer: {data[:40]!r}")
    status = int(data[9:12])
    start = head_end + 4
    end = start + _content_length(data[:start].lower(), status)
    return (status, start, end) if len(data) >= end else None


def _content_length(head: bytes, status: int) -> int:
    """Return the length of the body in bytes, from a head in lower case."""
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        return int(head[at + 17 : head.find(b"\r\n", at + 17)])
    if status in NO_BODY:
        return 0
    raise WireError(f"an answer {status} without Content-Length")
