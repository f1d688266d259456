"""Golden octets: what is written, byte for byte (carriers.md 5.1 to 5.4, 10.2)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.values import replace
from app.providers.base import Refused, Submission
from app.providers.smpp.adapter import SmppProvider, validity_period
from app.providers.smpp.pdu import BindRequest, Command, packed
from app.toys.smsc import Message, read_submit
from tests.providers.session.rig import message
from tests.providers.smpp.rig import make

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
# service_type, source 3/0 10086977, destination 1/1 8613800138000
HEAD = "00 03 00 3130303836393737 00 01 01 38363133383030313338303030 00"
VALIDITY = "303030303030303031303030303030 52 00".replace(" ", "")


def octets(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


def provider(**options: object) -> SmppProvider:
    made = make(2775, **options)
    made._now = lambda: NOW
    return made


def item(text: str, encoding: str = "ucs2", segments: int = 1) -> Submission:
    return replace(message(text, encoding=encoding, segments=segments), valid_until=NOW + timedelta(minutes=10))


def written(made: SmppProvider, given: Submission, reference: int = 0x1234) -> list[bytes]:
    segments = made.segments(given, reference)
    assert not isinstance(segments, Refused)
    [dialect] = made.dialects(0, "sesame")
    return [dialect.submit(7, segment) for segment in segments]


def read(made: SmppProvider, given: Submission) -> list[Message]:
    return [read_submit(pdu[16:]) for pdu in written(made, given)]


def test_the_example_of_the_specification() -> None:
    """SMPP v3.4 Issue 1.2, 3.2.2."""
    request = BindRequest("SMPP3TEST", "secret08", "SUBMIT1", interface_version=0, addr_ton=1, addr_npi=1)
    assert packed(Command.BIND_TRANSMITTER, 1, request.body()) == octets(
        "0000002F 00000002 00000000 00000001 534D5050335445535400 7365637265743038 00 5355424D49543100 00 01 01 00"
    )


def test_a_bind() -> None:
    [dialect] = provider(system_type="CP", address_range="^10086").dialects(0, "sesame")
    assert dialect.bind(3) == octets(
        "0000002A 00000009 00000000 00000003 736D73677700 736573616D6500 435000 34 00 00 5E313030383600"
    )
    transmitter, receiver = provider(bind="tx_rx").dialects(0, "sesame")
    assert (transmitter.bind(1)[4:8], receiver.bind(1)[4:8]) == (b"\0\0\0\x02", b"\0\0\0\x01")


def test_one_segment_of_ucs2() -> None:
    [pdu] = written(provider(), item("您好"))
    assert pdu == octets(
        f"00000050 00000004 00000000 00000007 {HEAD} 00 00 01 00 {VALIDITY} 01 00 08 00 04 60A8 597D 0204 0002 0001"
    )


def test_segments_with_a_header() -> None:
    first, second = read(provider(), item("你" * 71, segments=2))
    assert first.esm_class == second.esm_class == 0x40
    assert first.short_message == octets("05 00 03 34 02 01") + octets("4F60") * 67
    assert second.short_message == octets("05 00 03 34 02 02") + octets("4F60") * 4


def test_segments_by_optional_parameters() -> None:
    first, second = read(provider(long="sar"), item("a" * 161, "gsm7", 2))
    assert first.esm_class == second.esm_class == 0
    assert (first.short_message, second.short_message) == (b"a" * 153, b"a" * 8)
    sar = {0x020C: b"\x12\x34", 0x020E: b"\x02"}
    assert {tag: first.tlvs[tag] for tag in (0x020C, 0x020E, 0x020F)} == {**sar, 0x020F: b"\x01"}
    assert {tag: second.tlvs[tag] for tag in (0x020C, 0x020E, 0x020F)} == {**sar, 0x020F: b"\x02"}


def test_all_in_one_payload() -> None:
    [sent] = read(provider(long="payload"), item("a" * 161, "gsm7", 2))
    assert (sent.short_message, sent.tlvs[0x0424], sent.esm_class) == (b"", b"a" * 161, 0)


def test_answers_have_an_empty_id() -> None:
    [dialect] = provider().dialects(0, "sesame")
    dialect.bind(1)
    dialect.read(packed(0x80000009, 1, b"toy\0"))
    body = octets("00 01 01 3836313338303031333830303000 00 01 313030383600 00 00 00 00 00 00 00 00 00 04 30303030")
    heard = dialect.read(packed(0x05, 0x0102, body))
    assert heard.reply == octets("00000011 80000005 00000000 00000102 00")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "sender", "expected"),
    [
        ({}, "10086977", (3, 0, "10086977")),
        ({}, "+8610086", (1, 1, "8610086")),
        ({}, "CMCC", (5, 0, "CMCC")),
        ({"source": {"ton": 0, "npi": 1}}, "10086", (0, 1, "10086")),
    ],
)
def test_the_source(options: dict[str, object], sender: str, expected: tuple[int, int, str]) -> None:
    [sent] = read(provider(**options), replace(item("x"), sender=sender))
    assert sent.source == expected


@pytest.mark.parametrize(
    ("form", "recipient", "expected"),
    [
        ("international", "+8613800138000", (1, 1, "8613800138000")),
        ("plus", "+8613800138000", (1, 1, "+8613800138000")),
        ("national", "+8613800138000", (0, 1, "13800138000")),
        ("national", "+85291234567", (1, 1, "85291234567")),
    ],
)
def test_the_destination(form: str, recipient: str, expected: tuple[int, int, str]) -> None:
    [sent] = read(provider(number_format=form), replace(item("x"), recipient=recipient))
    assert sent.destination == expected


def test_lane_validity_service_type_and_parameters_of_the_settings() -> None:
    made = provider(service_type="CMT", tlvs={"0x1400": "text:110100001341", 0x1401: "hex:00ff"})
    [sent] = read(made, replace(item("x"), lane="bulk"))
    assert (sent.priority, sent.validity) == (0, "000000001000000R")
    assert (sent.tlvs[0x1400], sent.tlvs[0x1401]) == (b"110100001341", b"\0\xff")
    assert written(made, item("x"))[0][16:20] == b"CMT\0"


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(hours=72), "000003000000000R"),
        (timedelta(hours=1, minutes=2, seconds=3), "000000010203000R"),
        (timedelta(seconds=-5), "000000000100000R"),
        (timedelta(days=400), "000031000000000R"),
    ],
)
def test_the_validity_period(left: timedelta, expected: str) -> None:
    assert validity_period(left) == expected


def test_an_address_that_does_not_fit_is_refused_and_never_cut() -> None:
    assert provider().segments(replace(item("x"), sender="1" * 21), 1) == Refused("an address does not fit into SMPP")
    assert isinstance(provider().segments(replace(item("x"), sender="客服"), 1), Refused)


# ---- text


@pytest.mark.parametrize(
    ("options", "text", "encoding", "data_coding", "expected"),
    [
        ({}, "@_$£{€", "gsm7", 0, b"\x00\x11\x02\x01\x1b\x28\x1b\x65"),
        ({}, "您", "ucs2", 8, b"\x60\xa8"),
        ({}, "😀", "ucs2", 8, b"\xd8\x3d\xde\x00"),
        ({"text": {"gsm7": "latin1"}}, "@_$£", "gsm7", 3, b"@_$\xa3"),
        ({"text": {"gsm7": "latin1"}}, "Δ", "gsm7", 8, b"\x03\x94"),
        ({"text": {"gsm7": "ascii"}}, "@_$", "gsm7", 1, b"@_$"),
        ({"text": {"gsm7": "ascii"}}, "£", "gsm7", 8, b"\0\xa3"),
        ({"text": {"gsm7": "none"}}, "a", "gsm7", 8, b"\0a"),
        ({"text": {"ucs2": 24}}, "您", "ucs2", 24, b"\x60\xa8"),
    ],
)
def test_a_text_goes_in_the_alphabet_of_the_settings(
    options: dict[str, object], text: str, encoding: str, data_coding: int, expected: bytes
) -> None:
    [sent] = read(provider(**options), item(text, encoding))
    assert (sent.data_coding, sent.short_message) == (data_coding, expected)


def test_cuts_are_made_by_what_is_sent_whatever_was_counted() -> None:
    sent = read(provider(text={"gsm7": "none"}), item("a" * 100, "gsm7", 1))
    assert [len(one.short_message) for one in sent] == [6 + 134, 6 + 66]


def test_no_pair_is_parted() -> None:
    escapes = read(provider(), item("a" * 152 + "€" * 10, "gsm7", 2))
    assert [one.short_message[6:][-2:] for one in escapes] == [b"aa", b"\x1b\x65"]
    surrogates = read(provider(), item("你" * 66 + "😀" * 3, segments=2))
    assert [len(one.short_message) for one in surrogates] == [6 + 132, 6 + 12]
