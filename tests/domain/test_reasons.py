"""Valid and invalid reasons for access (http-api.md, Management API)."""

import pytest

from app.domain.reasons import reason_in


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ticket 17", "ticket 17"),
        ("  the   customer\tcalled ", "the customer called"),
        ("客户来电话", "客户来电话"),
        ("12345", "12345"),
        ("a test", "a test"),
    ],
)
def test_five_visible_characters_are_a_reason(said: str, reason: str) -> None:
    assert reason_in(said) == reason


@pytest.mark.parametrize(
    "said",
    [
        "",
        ".",
        "abcd",
        "no  no",
        "a    b",
        "\u3000" * 9,
        "\u00a0\u2003\u2028" * 3,
        "\u200b\u200d\u2060\ufeff\u00ad" * 3,
        "\u202e\u202c" * 5,
        "\u3164\u115f\u1160\uffa0\u2800",
        "e\u0301\u0301\u0301\u0301\u0301",
        "\x00\x01\x02\x03\x04\x05",
        "\ufe0f\U000e0020" * 5,
        "客户",
    ],
)
def test_fewer_visible_characters_are_no_reason(said: str) -> None:
    assert reason_in(said) is None
