"""Strategies: requests that were good, and are changed in ways that a stranger, a bug or a bad line would change them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

# What no refusal and no log may repeat (safety.md 28; delivery.md, security).
PASSWORD, NUMBER = "XGMM#802357#135790#135790", "13712345678"
UNREPEATABLE = ("802357", "135790", "3712345678")


_SHOWN = 300


@dataclass(frozen=True, repr=False)
class Changed:
    """A request. ``path`` is percent-encoded; ``told`` names the changes, for the reader of a failure."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    told: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        """Show the beginning of each part: a body may have a MiB."""
        path = f"{self.path}?{self.query}" if self.query else self.path
        headers = [(name.decode(), value[:_SHOWN]) for name, value in self.headers]
        return f"{self.method} {path[:_SHOWN]} {headers} {len(self.body)} bytes {self.body[:_SHOWN]!r} {self.told}"

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: object) -> None:
        """Show the same where Hypothesis prints what a test is called with."""
        printer.text(repr(self))

    def header(self, name: bytes, *values: bytes) -> "Changed":
        """Return the request with these values of a header in place of its own."""
        others = tuple(one for one in self.headers if one[0] != name)
        return replace(self, headers=(*others, *((name, value) for value in values)))


class Verbatim(str):
    """JSON as it is to be written, such as a number that no float holds."""

    __slots__ = ()


def as_json(value: object, *, ascii_only: bool = True) -> str:
    """Return JSON; lists of pairs are objects, in which a name may come twice."""
    match value:
        case Verbatim():
            return str(value)
        case dict():
            return as_json(tuple(value.items()), ascii_only=ascii_only)
        case tuple():
            pairs = (f"{json.dumps(str(name))}: {as_json(inner, ascii_only=ascii_only)}" for name, inner in value)
            return "{" + ", ".join(pairs) + "}"
        case list():
            return "[" + ", ".join(as_json(inner, ascii_only=ascii_only) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


# ---- values

TEXTS = [
    "", " ", "\x00", "a\x00b", "\ud83d", "\udc00x", "\u202e0000", "０", "😀" * 300, "x" * 5_000, "甲" * 3_999, PASSWORD, NUMBER, f"+86{NUMBER}",
    "null", "1e999", "-1", "0x10", "1_000", "'; DROP TABLE subscriber; --", "=1+1", "<script>", "../../etc/passwd", "%00", "%", "{}", "\r\nX: y",
    "2026-13-45T99:99:99", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2026-02-30", "2026-03-02T10:00:00", "2026-W10-1",
    "9999-12-31T23:59:59.999999Z", "1969-12-31T00:00:00Z", "+12026-01-01T00:00:00Z", "2026-3", "2026-13", "0000-00", "9999-12", "99999-01",
    "９".join("2026"), "ſ", "İ", "ﷺ" * 50, "e\u0301" * 30, "\ufeff", "\u2028", "000000000000000000000", "9" * 30, "9" * 64, "9" * 5_000, "--1", "1858489345745354752",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "+8613800138000", "١٢٣", "1.5", "Infinity", "true", "demo", "active",
]  # fmt: skip
NUMBERS: list[object] = [
    0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 0.1, -0.0, 1e308, 1e-320,
    *map(Verbatim, ("1e400", "-1E400", "NaN", "Infinity", "-Infinity", "1" + "0" * 400, "1" * 5_000, "1.0", "1e2", "-0", "0." + "3" * 400, "01", "1.")),
]  # fmt: skip
OTHERS: list[object] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    [1, "a", {}],
    {"a": {"b": [1]}},
    ["x"] * 1_200,
]
DEEP = [Verbatim("[" * depth + "]" * depth) for depth in (60, 300, 1_200, 20_000)] + [
    Verbatim('{"a":' * depth + "1" + "}" * depth) for depth in (100, 1_200, 8_000)
]
VALUES: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(OTHERS),
    st.sampled_from(DEEP),
    st.text(max_size=20),
    st.integers(),
    st.floats(),
)


@st.composite
def changed_values(draw: st.DrawFn, value: object, depth: int = 4) -> object:
    """Return a JSON value with one change somewhere inside."""
    if depth and value and draw(st.integers(0, 9)):
        if isinstance(value, dict):
            return draw(_changed_objects(value, depth))
        if isinstance(value, list):
            return draw(_changed_arrays(value, depth))
    return draw(VALUES)


@st.composite
def _changed_objects(draw: st.DrawFn, value: dict[str, object], depth: int) -> object:
    name = draw(st.sampled_from(sorted(value)))
    others = {other: inner for other, inner in value.items() if other != name}
    return draw(
        st.one_of(
            changed_values(value[name], depth - 1).map(lambda inner: {**value, name: inner}),
            changed_values(value[name], depth - 1).map(lambda inner: {**value, name: inner}),
            st.just(others),
            st.sampled_from([name.upper(), f" {name}", *TEXTS]).map(lambda new: {**others, new: value[name]}),
            VALUES.map(lambda inner: (*value.items(), (name, inner))),
            st.tuples(st.sampled_from(TEXTS), VALUES).map(lambda more: {**value, more[0]: more[1]}),
            st.just({**value, name: None}),
        )
    )


@st.composite
def _changed_arrays(draw: st.DrawFn, value: list[object], depth: int) -> object:
    place = draw(st.integers(0, len(value) - 1))
    before, behind = value[:place], value[place + 1 :]
    return draw(
        st.one_of(
            changed_values(value[place], depth - 1).map(lambda inner: [*before, inner, *behind]),
            changed_values(value[place], depth - 1).map(lambda inner: [*before, inner, *behind]),
            st.just([*before, *behind]),
            st.sampled_from([2, 3, 400, 1_001]).map(lambda times: value * times),
            VALUES.map(lambda inner: [*value, inner]),
        )
    )


# ---- bytes

_ODD_BYTES = [
    b"\x00",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"\\",
    b'"',
    b"{",
    b"]",
    b",",
    b"\n",
    b"\\u0000",
    b"\\ud83d",
    b"/*",
]


@st.composite
def changed_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    """Return bytes with one flipped, cut off, put in, doubled, or in another encoding."""
    place = draw(st.integers(0, max(len(body) - 1, 0)))
    start, rest = body[:place], body[place:]
    found: bytes = draw(
        st.one_of(
            st.integers(0, 7).map(lambda bit: start + bytes(byte ^ (1 << bit) for byte in rest[:1]) + rest[1:]),
            st.integers(0, 7).map(lambda bit: start + bytes(byte ^ (1 << bit) for byte in rest[:1]) + rest[1:]),
            st.sampled_from(_ODD_BYTES).map(lambda odd: start + odd + rest),
            st.sampled_from(["utf-16", "gbk"]).map(
                lambda codec: body.decode("utf-8", "replace").encode(codec, "replace")
            ),
            st.binary(max_size=8).map(lambda more: body + more),
            st.sampled_from([start, body + body, b""]),
            st.binary(max_size=200),
        )
    )
    return found


# ---- the rest of a request

METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO", "get"]
HEADERS: Mapping[bytes, Sequence[bytes]] = {
    b"content-type": [b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data", b"application/json; charset=utf-16", b"\xff", b"/",
                      b"multipart/form-data; boundary=" + b"x" * 300, b"application/json; charset=gbk", b"application/json;" + b";" * 500, b"application/xml",
                      b"text/csv", b"application/json; charset=\xff", b"application/json; charset*=utf-8''x", b"application/octet-stream"],
    b"authorization": [b"", b"Bearer", b"Bearer ", b"Bearer demo demo", b"bearer demo", b"Basic ZGVtbzpkZW1v", b"Bearer \xff\xfe", b"Bearer " + b"x" * 9_000, b"demo",
                       b"Bearer \xe5\xbd\xa9", b"Basic " + b"=" * 50, b"Digest x"],
    b"x-reason": [b"", b"    ", b"ab", b"\xff\xfe\xfd\xfc\xfb", b"x" * 9_000, b"a\x00b c d e", PASSWORD.encode(), "为什么要看".encode(), b"\xe2\x80\x8b" * 9],
    b"idempotency-key": [b"", b" ", b"a b", b"x" * 256, b"x" * 9_000, b"\xff", "键".encode(), PASSWORD.encode(), b"same", b"same", b"a\x00"],
    b"content-encoding": [b"gzip", b"deflate", b"br", b"gzip, gzip", b"\xff", b"identity"],
    b"content-length": [b"-1", b"x", b"0", b"99999999999999999999", b"1e3", "٣".encode()],
    b"accept": [b"", b"text/csv", b"image/png;q=x", b"*/*;q=0", b"\xff"],
    b"last-event-id": [b"", b"x", b"9" * 30, b"\xff"],
    b"host": [b"", b"evil.example", b"localhost:99999", b"[::1", b"\xff", b"localhost, localhost"],
    b"origin": [b"null", b"http://evil.example", b"\xff", b"http://localhost"],
    b"x-forwarded-for": [b"\xff", b"1.2.3.4, x", b"::1"],
    b"range": [b"bytes=0-", b"bytes=5-1,-", b"\xff"], b"expect": [b"100-continue", b"x"], b"cookie": [b"a=b; \xff", b"=" * 300],
    b"if-none-match": [b'"x"', b"\xff"], b"x-request-id": [b"\xff\n", b"x" * 9_000],
    b"webhook-id": [b"", b"\xff"], b"webhook-timestamp": [b"x", b"9" * 30, b"-1", b"nan", b"1e400"],
    b"webhook-signature": [b"", b"v1,", b"v1,x", b"v1,\xff", b"v2," + b"A" * 44, b"v1," + b"A" * 44 + b" " + b"v1,B" * 500],
}  # fmt: skip
_SEGMENTS = st.one_of(
    st.sampled_from([text for text in TEXTS if len(text) < 300]),
    st.text(min_size=1, max_size=12),
    st.sampled_from(["a/b", "..", ".", "%2e%2e", "?", "#"]),
)
_QUERIES = [
    "%",
    "%zz",
    "=",
    "&&&",
    "a" * 4_000,
    "cursor=%ff%fe",
    "limit=%00",
    "limit=1&limit=x",
    "cursor=" + "A" * 3_000,
    "=x&=y",
    "a[]=1",
    ";".join("ab"),
]
PARAMETERS = [
    "cursor",
    "limit",
    "after",
    "from",
    "to",
    "msisdn",
    "state",
    "status",
    "kind",
    "sort",
    "direction",
    "by",
    "type",
    "number",
    "breached",
    "month",
    "tenure",
]


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


@st.composite
def _with_segment(draw: st.DrawFn, request: Changed) -> Changed:
    parts = request.path.split("/")
    place = draw(st.integers(1, len(parts) - 1))
    parts[place] = _quoted(draw(_SEGMENTS))
    return replace(request, path="/".join(parts))


@st.composite
def _with_query(draw: st.DrawFn, request: Changed) -> Changed:
    if draw(st.integers(0, 3)) == 0:
        return replace(request, query=draw(st.sampled_from(_QUERIES)))
    name, value = (
        draw(st.sampled_from(PARAMETERS)),
        draw(st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS).map(str), st.text(max_size=12))),
    )
    more = urlencode({name: value.encode("utf-8", "surrogatepass")})
    return replace(request, query="&".join(filter(None, (request.query, more))))


@st.composite
def _with_header(draw: st.DrawFn, request: Changed) -> Changed:
    name = draw(st.sampled_from(sorted(HEADERS)))
    values = draw(st.lists(st.sampled_from(HEADERS[name]), max_size=2))
    return request.header(name, *values)


@st.composite
def changed_requests(draw: st.DrawFn, request: Changed, value: object = None) -> Changed:
    """Return a request with one to three changes; ``value`` is its body, if that is JSON."""
    kinds = ["value", "value", "value", "bytes"] if value is not None else ["bytes"]
    for kind in draw(
        st.lists(st.sampled_from([*kinds, "segment", "query", "header", "header", "method"]), min_size=1, max_size=3)
    ):
        match kind:
            case "value":
                value = draw(changed_values(value))
                text = as_json(value, ascii_only=draw(st.booleans()))
                request = replace(request, body=text.encode("utf-8", "surrogatepass"))
            case "bytes":
                request = replace(request, body=draw(changed_bytes(request.body)))
            case "segment":
                request = draw(_with_segment(request))
            case "query":
                request = draw(_with_query(request))
            case "header":
                request = draw(_with_header(request))
            case "method":
                request = replace(request, method=draw(st.sampled_from(METHODS)))
        request = replace(request, told=(*request.told, kind))
    return request
