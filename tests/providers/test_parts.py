"""Concatenation data: which part of a long message an MO is (http-api.md, webhooks)."""

import pytest

from app.domain.parts import PartOf
from app.providers.parts import part_of_fields, part_of_header
from app.providers.requests import MalformedRequestError

PART = PartOf("76", 2, 3)


@pytest.mark.parametrize(
    ("udh", "part"),
    [
        ("0500034C0302", PART),
        ("0500034c0302", PART),
        ("05 00 03 4C 03 02", PART),
        ("060804004C0302", PART),
        ("0608041F400302", PartOf("8000", 2, 3)),
        ("050003FF0101", PartOf("255", 1, 1)),
        # Ports, a language and an empty element do not describe parts.
        ("06050400000000", None),
        ("03240101", None),
        ("020400", None),
        ("00", None),
        # Ports before it and a language after it; of two the last one counts.
        ("0B05040B8423F00003 4C0302", PART),
        ("080003 4C0302 240101", PART),
        ("0A0003 010202 0003 4C0302", PART),
        # The text may follow the header.
        ("0500034C0302 6F60", PART),
    ],
)
def test_a_header_says_which_part(udh: str, part: PartOf | None) -> None:
    assert part_of_header(udh) == part


@pytest.mark.parametrize(
    ("udh", "says"),
    [
        ("0500034C02", "cut off"),
        ("05", "cut off"),
        ("01FF", "cut off"),
        ("0500044C0302", "cut off"),
        ("0100", "cut off"),
        ("05000", "hex"),
        ("0x0500034C0302", "hex"),
        ("小心", "hex"),
        ("0400024C03", "length"),
        ("0500034C0300", "from 1"),
        ("0500034C0304", "from 1"),
        ("0500034C0000", "1 to 255"),
    ],
)
def test_a_header_that_cannot_be_is_refused(udh: str, says: str) -> None:
    with pytest.raises(MalformedRequestError, match=says):
        part_of_header(udh)


@pytest.mark.parametrize("number", range(1, 256))
def test_any_cut_of_a_header_is_refused_or_says_the_same(number: int) -> None:
    header = f"0B05040B8423F0000300{255:02X}{number:02X}"
    assert part_of_header(header) == PartOf("0", number, 255)
    for length in range(1, 12):
        with pytest.raises(MalformedRequestError):
            part_of_header(header[: 2 * length])


def test_fields_say_which_part() -> None:
    assert part_of_fields(76, 3, 2) == PART
    assert part_of_fields(0, 1, 1) == PartOf("0", 1, 1)
    assert part_of_fields(None, None, None) is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ((None, 3, 2), "all needed"),
        ((76, None, 2), "all needed"),
        ((76, 3, None), "all needed"),
        ((76, 3, 0), "from 1"),
        ((76, 3, 4), "from 1"),
        ((76, 3, -1), "from 1"),
        ((76, 0, 0), "1 to 255"),
        ((76, 256, 1), "1 to 255"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: tuple[int | None, int | None, int | None], says: str) -> None:
    with pytest.raises(MalformedRequestError, match=says):
        part_of_fields(*fields)
