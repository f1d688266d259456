"""Subscribers' numbers, service numbers and order keywords (flows.md 1; safety.md 9, 29)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import msisdn
from app.domain.msisdn import (
    BUCKETS,
    Numbers,
    bucket_of,
    is_service_number,
    masked,
    parse_msisdn,
    parse_sender,
    sender_as_given,
)
from app.domain.names import order_keyword_violation
from app.domain.service_numbers import Extension, ServiceNumbers

FORMS = ["13800138000", "+8613800138000", "8613800138000", "008613800138000", " 13800138000 "]
NOBODY = [
    "10086", "10086977", "10010", "106900001234", "95588", "12306", "4008100001", "01012345678", "+8601012345678", "1380013800", "138001380000", "861",
    "8613800138", "", "+", "00", "abc", "１３８００１３８０００", "138 0013 8000", "1380013800a", "++8613800138000", "13800138000\x00", "\ud83d", "٠١٢٣٤٥٦٧٨٩",
    "+99999999999999999", "0013800138000", "9" * 60_000,
]  # fmt: skip
SOMEBODY = {
    "+85291234567": "+85291234567",
    "85291234567": "+85291234567",
    "+14155550100": "+14155550100",
    "17000000000": "+8617000000000",
}


def test_other_countries_and_what_is_no_mobile_number() -> None:
    assert [text for text in NOBODY if parse_msisdn(text) is not None] == []
    assert {text: parse_msisdn(text) for text in SOMEBODY} == SOMEBODY


@pytest.mark.parametrize("form", ["{}", "+86{}", "86{}", "0086{}"])
@pytest.mark.parametrize("numbers", list(Numbers))
def test_chinese_mobiles_are_those_of_the_numbering_plan(form: str, numbers: Numbers) -> None:
    written = [form.format(f"1{prefix:03}{rest}") for prefix in range(1000) for rest in ("0000000", "5550100")]
    assert [msisdn._parsed(text, numbers) for text in written] == [
        msisdn._parsed_by_plan.__wrapped__(text, numbers) for text in written
    ]


def test_four_forms_are_one_number() -> None:
    assert {parse_msisdn(form) for form in FORMS} == {"+8613800138000"}


def test_buckets_masks_and_stored_senders() -> None:
    assert bucket_of("+8613800138000") == 137
    assert {bucket_of(f"+86138{number:08}") for number in range(0, 99_999_999, 33_333)} == set(range(BUCKETS))
    assert bucket_of("\ud83d") in range(BUCKETS)
    assert masked("+8613800138000") == "+86138****8000"
    assert [masked(text) for text in ("10086", "", "12345678")] == ["****"] * 3
    assert [sender_as_given(text) for text in ("106-900", "甲\x00乙", " 甲 ", "", "9" * 99)] == [
        "106-900",
        "甲␛0乙",
        " 甲 ",
        "?",
        "9" * 64,
    ]


SENDERS = [
    "+86 138 0013 8000", "138-0013-8000", "(86)13800138000", "(+86) 138-0013-8000", "tel:+8613800138000",
    "TEL:+86-138-0013-8000;phone-context=example.com", "sms:13800138000", "１３８００１３８０００", "＋86 138 0013 8000",
    "\u202a+8613800138000\u202c", "\u200e13800138000", "\ufeff13800138000", "0086 138 0013 8000", "（86）138 0013 8000",
    "+86 (0) 138 0013 8000", "138.0013.8000", "138\u20110013\u20118000", "138\u00a00013\u00a08000", "\t13800138000\n",
]  # fmt: skip


@pytest.mark.parametrize("text", [*FORMS, *SENDERS])
def test_a_sender_is_read_in_any_usual_form(text: str) -> None:
    assert parse_sender(text) == "+8613800138000"


@given(st.text(alphabet="0123456789+- ()甲a@;:.\u202a\ud83d\x00", max_size=40))
def test_a_sender_that_cannot_be_parsed_is_stored_unchanged(text: str) -> None:
    number = parse_sender(text)
    assert number is None or number.startswith("+")
    is_service_number(text)
    if text and text.isprintable():
        assert sender_as_given(text) == text


@pytest.mark.parametrize(
    "text", ["中国移动", "a@sms.example", "13800138000@sms.example", "CMCC", "1380013800a", "\u202a"]
)
def test_other_texts_are_no_sender(text: str) -> None:
    assert parse_sender(text) is None
    assert not is_service_number(text)


def test_the_setting_decides_how_numbers_without_a_plus_are_read() -> None:
    # A mobile number in China and in the United States.
    both = "13802345678"
    assert parse_sender(both, Numbers.NATIONAL) == "+8613802345678"
    assert parse_sender(both, Numbers.INTERNATIONAL) == "+13802345678"
    for numbers in Numbers:
        assert {parse_sender(text, numbers) for text in ("+8613802345678", "008613802345678", "8613802345678")} == {
            "+8613802345678"
        }


EXTENSIONS = {
    "10086": "", "10086977": "977", "1008620400": "20400", "1008620499": "20499", "10086901": "901", "10086999": "999", "10086888": "888",
    "+8610086977": "977", "8610086977": "977", "008610086977": "977", " 10086977 ": "977", "+8610086": "",
    **dict.fromkeys(("10086123", "1008688", "10086204", "100862041", "10086204123", "100862041a", "10086204１２", "10010", "", "\ud83d"), Extension.FOREIGN),
}  # fmt: skip


def test_extensions() -> None:
    assert {dialled: ServiceNumbers().extension(dialled) for dialled in EXTENSIONS} == EXTENSIONS
    elsewhere = {dialled.replace("10086", "12345"): extension for dialled, extension in EXTENSIONS.items()}
    assert {dialled: ServiceNumbers("12345").extension(dialled) for dialled in elsewhere} == elsewhere


def test_order_keywords() -> None:
    fine = ["CL", "A1", "ABCDEFGHIJKL", "1A"]
    bad = ["8366", "A", "ABCDEFGHIJKLM", "音乐", "A-B", "cl", "", "CL\n"]
    assert [word for word in fine + bad if order_keyword_violation(word) is None] == fine
