"""Golden octets of both versions: what is written, byte for byte (carriers.md 6.1 to 6.4, 10.2)."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.values import replace
from app.providers.base import Refused, Submission
from app.providers.cmpp.adapter import CmppProvider
from app.providers.cmpp.pdu import Form, Version, layout, packed
from app.providers.session.dialect import Incoming
from app.toys.submits import Message, read_submit
from tests.providers.cmpp.rig import NOW, VERSIONS, answer_to_connect, bound, provider
from tests.providers.session.rig import message

SOURCE_MD5 = "1c39df8b9c01798a8f35c3c785cf91ce"


def octets(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts).replace(" ", ""))


def text(value: str, width: int) -> str:
    return value.encode().ljust(width, b"\0").hex()


def item(value: str, **more: Any) -> Submission:  # noqa: ANN401  any field
    return replace(message(value), valid_until=NOW + timedelta(minutes=10), **more)


def written(given: CmppProvider, submission: Submission, reference: int = 0x1234) -> list[bytes]:
    segments = given.segments(submission, reference)
    assert not isinstance(segments, Refused)
    [dialect] = given.dialects(0, "secret")
    return [dialect.submit(7, segment) for segment in segments]


def read(given: CmppProvider, submission: Submission, version: str = "3.0") -> list[Message]:
    return [read_submit(pdu[12:], 0x20 if version == "2.0" else 0x30) for pdu in written(given, submission)]


# ---- the session


@pytest.mark.parametrize(("version", "octet"), [("2.0", "20"), ("3.0", "30")])
def test_a_connect(version: str, octet: str) -> None:
    [dialect] = provider(version).dialects(0, "secret")
    assert dialect.bind(3) == octets("00000027 00000001 00000003", text("901234", 6), SOURCE_MD5, octet, "0614DC45")


@pytest.mark.parametrize(("version", "length"), [("2.0", 30), ("3.0", 33)])
def test_the_answer_to_a_connect(version: str, length: int) -> None:
    assert len(answer_to_connect(version, 3)) == length
    bound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_tests_of_the_link_and_goodbyes(version: str) -> None:
    dialect = bound(version)
    assert dialect.test(0x10) == octets("0000000C 00000008 00000010")
    assert dialect.goodbye(0xFFFFFFFF) == octets("0000000C 00000002 FFFFFFFF")
    tested, left = dialect.read(packed(0x8, 5)), dialect.read(packed(0x2, 6))
    assert tested.octets == octets("0000000D 80000008 00000005 00")  # type: ignore[union-attr]
    assert left.octets == octets("0000000C 80000002 00000006")  # type: ignore[union-attr]


# ---- SUBMIT

HEAD = octets("0000000000000000 01 01 01 01", text("HELP", 10), "02")
MIDDLE = (
    text("901234", 6) + text("01", 2) + text("000000", 6) + text("260102031405032+", 17) + text("", 17)
    + text("10086977", 21) + "01"
)  # fmt: skip


def test_a_submit_of_2_0() -> None:
    [pdu] = written(provider("2.0"), item("您好"))
    assert pdu == octets(
        "000000A3 00000004 00000007", HEAD.hex(), text("", 21), "00 00 08", MIDDLE, text("13800138000", 21),
        "04 60A8597D", text("", 8),
    )  # fmt: skip
    assert len(pdu) == 159 + 4


def test_a_submit_of_3_0() -> None:
    [pdu] = written(provider(), item("您好", reply_token="link-1"))
    assert pdu == octets(
        "000000C7 00000004 00000007", HEAD.hex(), text("", 32), "00", "00 00 08", MIDDLE, text("13800138000", 32), "00",
        "04 60A8597D", text("link-1", 20),
    )  # fmt: skip
    assert len(pdu) == 195 + 4


def test_without_a_token_of_the_message_that_it_answers_link_id_is_empty() -> None:
    assert written(provider(), item("您好"))[0][-20:] == bytes(20)
    assert written(provider("2.0"), item("您好", reply_token="link-1"))[0][-8:] == bytes(8)


@pytest.mark.parametrize("version", VERSIONS)
def test_lane_class_fee_and_validity(version: str) -> None:
    given = provider(
        version,
        service_id={"default": "HELP", "notice": "TIPS"},
        fee={"user_type": 0, "type": "02", "code": "000010"},
    )
    [bulk] = read(given, item("x", lane="bulk", kind="notice"), version)
    [prompt] = read(given, item("x"), version)
    assert (bulk.level, bulk.service_id, prompt.level, prompt.service_id) == (0, "TIPS", 1, "HELP")
    assert (bulk.fee_user_type, bulk.fee_type, bulk.fee_code, bulk.fee_terminal) == (0, "02", "000010", "")
    assert (bulk.valid_until, bulk.at, bulk.wants_report, bulk.sp_id) == ("260102031405032+", "", 1, "901234")


@pytest.mark.parametrize(
    ("form", "recipient", "expected"),
    [
        ("national", "+8613800138000", "13800138000"),
        ("international", "+8613800138000", "8613800138000"),
        ("plus", "+8613800138000", "+8613800138000"),
        ("national", "+85291234567", "85291234567"),
    ],
)
def test_the_recipient(form: str, recipient: str, expected: str) -> None:
    [sent] = read(provider(number_format=form), item("x", recipient=recipient))
    assert sent.destination == expected


@pytest.mark.parametrize(
    ("given", "version"),
    [
        ({"sender": "1" * 22}, "2.0"),
        ({"recipient": "+" + "1" * 22}, "2.0"),
        ({"recipient": "+" + "1" * 33}, "3.0"),
        ({"sender": "客服"}, "3.0"),
        ({"reply_token": "x" * 21}, "3.0"),
        ({"text": "x" * 153 * 256}, "3.0"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_cut(given: dict[str, Any], version: str) -> None:
    assert isinstance(provider(version).segments(item("x", **given), 1), Refused)


# ---- text and segments


@pytest.mark.parametrize(
    ("value", "msg_fmt", "expected"),
    [
        ("@_${`", 0, b"@_${`"),
        ("£", 8, b"\0\xa3"),
        ("5€", 8, b"\x005\x20\xac"),
        ("您", 8, b"\x60\xa8"),
        ("😀", 8, b"\xd8\x3d\xde\x00"),
        ("\ud83d", 8, b"\xd8\x3d"),
    ],
)
def test_only_ascii_is_ascii(value: str, msg_fmt: int, expected: bytes) -> None:
    [sent] = read(provider(), item(value))
    assert (sent.msg_fmt, sent.content, sent.has_header) == (msg_fmt, expected, 0)


@pytest.mark.parametrize(
    ("value", "lengths"),
    [
        ("a" * 159, [159]),
        ("{" * 159, [159]),
        ("a" * 160, [159, 13]),
        ("a" * 307, [159, 159, 7]),
        ("你" * 70, [140]),
        ("你" * 71, [140, 14]),
        ("你" * 66 + "😀" * 3, [138, 18]),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_cuts_are_made_by_what_cmpp_carries(value: str, lengths: list[int], version: str) -> None:
    sent = read(provider(version), item(value), version)
    assert [len(one.content) for one in sent] == lengths
    assert "".join(one.text for one in sent) == value
    assert [(one.total, one.number) for one in sent] == [(len(sent), n) for n in range(1, len(sent) + 1)]


def test_segments_have_a_header_with_the_same_reference() -> None:
    first, second = read(provider(), item("你" * 71))
    assert first.content == octets("05 00 03 34 02 01", "4F60" * 67)
    assert second.content == octets("05 00 03 34 02 02", "4F60" * 4)
    assert (first.has_header, first.total, first.number) == (1, 2, 1)


# ---- what is answered


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("2.0", "00000015 80000005 00000102 0102030405060708 00"),
        ("3.0", "00000018 80000005 00000102 0102030405060708 00000000"),
    ],
)
def test_the_answer_to_a_deliver(version: str, answer: str) -> None:
    width = 21 if version == "2.0" else 32
    body = octets(
        "0102030405060708", text("10086", 21), text("HELP", 10), "00 00 00", text("13800138000", width),
        "" if version == "2.0" else "00", "00 04", text("0000", 4), text("", 8 if version == "2.0" else 20),
    )  # fmt: skip
    assert len(body) == (85 if version == "2.0" else 109) + 4 - 12
    heard = bound(version).read(packed(0x5, 0x0102, body))
    assert isinstance(heard, Incoming)
    assert heard.reply == octets(answer)
    assert heard.message is not None
    assert (heard.message.message_id, heard.message.sender, heard.message.dialled, heard.message.text) == (
        "0102030405060708", "13800138000", "10086", "0000",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("form", "octets_2", "octets_3"),
    [
        (Form.CONNECT, 27, 27),
        (Form.CONNECT_RESP, 18, 21),
        (Form.SUBMIT_RESP, 9, 12),
        (Form.DELIVER_RESP, 9, 12),
        (Form.REPORT, 60, 71),
        (Form.SUBMIT, 159 - 12 - 8, 195 - 12 - 20),
        (Form.DELIVER, 85 - 12 - 8, 109 - 12 - 20),
    ],
)
def test_widths(form: Form, octets_2: int, octets_3: int) -> None:
    """Of SUBMIT and DELIVER up to their content."""
    assert (layout(form, Version.V2).octets, layout(form, Version.V3).octets) == (octets_2, octets_3)
