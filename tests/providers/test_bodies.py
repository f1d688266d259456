"""Bodies are decoded by byte order mark and headers, and refusals say what to send (http-api.md, webhooks)."""

import base64
import gzip
import hmac
import json
import time
import zlib

import httpx
import pytest

from app.domain.messages import InboundMessage
from app.domain.values import replace
from app.providers.base import Accepted, Unknown
from app.providers.bodies import MOST_BYTES, UnreadableBodyError, as_utf8, decompress, encoding_error
from app.providers.generic import GenericOptions, GenericProvider
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from tests.providers.contract import submission, surroundings


def gzipped(body: bytes) -> bytes:
    """Compress without a timestamp, as the bytes are part of a test's name."""
    return gzip.compress(body, mtime=0)


pytestmark = pytest.mark.anyio
BODY = {"message_id": "m-1", "from": "13800138000", "to": "10086", "text": "退订"}
TEXT = json.dumps(BODY, ensure_ascii=False)
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CHARSETS = [
    ("utf-8", ""),
    ("utf-8", "application/json"),
    ("utf-8", "application/json; charset=UTF-8"),
    ("utf-8", "text/plain"),
    ("utf-8", "application/x-www-form-urlencoded"),  # what curl says of any body
    ("utf-8-sig", "application/json"),
    ("utf-8-sig", "application/json; charset=utf-8"),
    ("gbk", "application/json; charset=gbk"),
    ("gb18030", 'application/json;charset="GB2312"'),
    ("big5", "application/json; charset=big5"),
    ("utf-16", "application/json"),
    ("utf-16-le", "application/json"),
    ("utf-16-be", "application/json; charset=utf-16be"),
]


def generic(transport: httpx.AsyncBaseTransport | None = None, **given: object) -> GenericProvider:
    options = GenericOptions.model_validate({"kind": "generic", **given})
    return GenericProvider(
        "carrier", options, surroundings(transport or httpx.MockTransport(lambda _: httpx.Response(500)))
    )


@pytest.mark.parametrize(("codec", "content_type"), CHARSETS)
@pytest.mark.parametrize("form", ["{}", "[{}]", " [ {} ] "])
def test_a_body_is_read_in_the_charset_that_it_says(codec: str, content_type: str, form: str) -> None:
    text = TEXT.replace("退订", "停止") if codec == "big5" else TEXT
    body = form.replace("{}", text).encode(codec)
    found = generic().parse_inbound(WebhookRequest(body, {"content-type": content_type}))
    items = found if isinstance(found, list) else [found]
    assert [item.text for item in items if isinstance(item, InboundMessage)] == [json.loads(text)["text"]]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzipped(TEXT.encode()), "gzip"),
        (gzipped(TEXT[:9].encode()) + gzipped(TEXT[9:].encode()), "X-GZIP"),
        (zlib.compress(TEXT.encode()), "deflate"),
        (zlib.compress(TEXT.encode(), wbits=-15), "deflate"),
        (TEXT.encode(), "identity"),
        (TEXT.encode(), ""),
    ],
)
def test_a_compressed_body_is_decompressed(body: bytes, encoding: str) -> None:
    assert decompress(body, encoding) == TEXT.encode()


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (TEXT.encode(), "br", 415),
        (TEXT.encode(), "gzip, gzip", 415),
        (TEXT.encode(), "gzip", 415),
        (gzipped(TEXT.encode())[:-9], "gzip", 415),
        (gzipped(b" " * (MOST_BYTES + 1)), "gzip", 413),
        (gzipped(b" " * MOST_BYTES) + gzipped(b" "), "gzip", 413),
    ],
)
def test_a_body_that_cannot_be_decompressed_is_refused(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(UnreadableBodyError) as refused:
        decompress(body, encoding)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("body", "content_type", "named"),
    [
        (b"message_id=1&from=13800138000", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        (b"--x\r\n", "multipart/form-data; boundary=x", "multipart/form-data"),
        (b"<a/>", "text/xml", "text/xml"),
        (TEXT.encode(), "application/json; charset=klingon", "UTF-16, GBK"),
        (TEXT.encode(), "application/json; charset=idna", "UTF-16, GBK"),
        (TEXT.encode("gbk"), "application/json; charset=utf-8", "UTF-8"),
        (b"\xff\xfe{", "application/json", "UTF-8"),
    ],
)
def test_a_refusal_names_the_kind_of_body(body: bytes, content_type: str, named: str) -> None:
    with pytest.raises(UnreadableBodyError, match=named) as refused:
        as_utf8(body, {"content-type": content_type})
    assert refused.value.status == 415
    assert "13800138000" not in str(refused.value)


@pytest.mark.parametrize(("body", "named"), [(TEXT.encode("gbk"), "charset=gbk"), (gzipped(b"{}"), "Content-Encoding")])
def test_a_refusal_of_a_body_without_labels_names_the_missing_header(body: bytes, named: str) -> None:
    provider = generic()
    for read in (provider.parse_inbound, provider.parse_reports):
        with pytest.raises(MalformedRequestError, match=named):
            read(WebhookRequest(body, {"content-type": "application/json"}))
    assert encoding_error(TEXT.encode()) is None


def test_a_compressed_body_may_be_signed_before_or_after_compression() -> None:
    provider = generic(secret=SECRET)
    plain, compressed = TEXT.encode("gbk"), gzipped(TEXT.encode("gbk"))
    for signed in (plain, compressed):
        headers = _headers(signed)
        provider.admit(WebhookRequest(plain, headers, compressed=compressed))
        for name, wrong in (
            ("webhook-timestamp", "1772423940"),
            ("webhook-id", "other"),
            ("webhook-signature", "v1,="),
        ):
            with pytest.raises(NotAuthenticError):
                provider.admit(WebhookRequest(plain, {**headers, name: wrong}, compressed=compressed))
        with pytest.raises(NotAuthenticError):
            provider.admit(WebhookRequest(plain + b" ", headers, compressed=compressed + b" "))


def _headers(body: bytes) -> dict[str, str]:
    """Sign the bytes, as Standard Webhooks says."""
    now = str(int(time.time()))
    signature = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), f"id.{now}.".encode() + body, "sha256")
    signed = f"v1,{base64.b64encode(signature).decode()}"
    return {"webhook-id": "id", "webhook-timestamp": now, "webhook-signature": signed}


ANSWER = '{"message_id": "c-1", "msg": "乗\\"成功"}'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ANSWER.encode(), {}),
        (ANSWER.encode("utf-8-sig"), {}),
        (ANSWER.encode("gb18030"), {}),
        (ANSWER.encode("gb18030"), {"content-type": "application/json; charset=GBK"}),
        (ANSWER.encode("gb18030"), {"content-type": "application/json; charset=utf-8"}),
        (ANSWER.encode("gb18030"), {"content-type": "application/json; charset=klingon"}),
        (ANSWER.encode("utf-16"), {}),
        (gzipped(ANSWER.encode()), {"content-encoding": "gzip"}),
    ],
)
async def test_an_answer_is_decoded_even_if_its_headers_are_wrong(body: bytes, headers: dict[str, str]) -> None:
    def taken(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(body))

    assert await _sent(taken) == Accepted("c-1")


@pytest.mark.parametrize("headers", [{"content-encoding": "br"}, {"content-encoding": "gzip"}])
async def test_an_answer_in_which_no_id_can_be_found_is_unknown(headers: dict[str, str]) -> None:
    def taken(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"\x01\x02"))

    assert isinstance(await _sent(taken), Unknown)


async def _sent(answer: object) -> object:
    transport = httpx.MockTransport(answer)  # type: ignore[arg-type]
    [result] = await generic(transport, send_url="https://carrier.example/send").send([replace(submission())])
    return result
