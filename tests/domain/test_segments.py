"""Counting segments and splitting texts; pairs are never split (delivery.md 13)."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.segments import Encoding, Passage, measure, paginate, split
from tests.effort import tries

GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2


SIZES = [
    ("", GSM7, 1),
    ("a" * 160, GSM7, 1), ("a" * 161, GSM7, 2), ("a" * 306, GSM7, 2), ("a" * 307, GSM7, 3),
    ("甲" * 70, UCS2, 1), ("甲" * 71, UCS2, 2), ("甲" * 134, UCS2, 2), ("甲" * 135, UCS2, 3), ("甲" * 335, UCS2, 5), ("甲" * 336, UCS2, 6),
    # A character of the extension takes two septets, and is not split.
    ("€" * 80, GSM7, 1), ("€" * 80 + "a", GSM7, 2), ("[" * 81, GSM7, 2), ("a" * 152 + "€" + "a" * 151, GSM7, 2),
    ("a" * 152 + "€" + "a" * 152, GSM7, 3), ("a" * 153 + "€" * 76 + "a", GSM7, 2), ("\f^{}\\[~]|€", GSM7, 1),
    # A surrogate pair takes two units, and is not split.
    ("😀" * 35, UCS2, 1), ("😀" * 36, UCS2, 2), ("甲" * 66 + "😀" + "甲" * 65, UCS2, 2), ("甲" * 66 + "😀" + "甲" * 66, UCS2, 3),
    ("甲" * 67 + "😀" * 33 + "甲", UCS2, 2),
    # One character outside GSM-7 makes it UCS-2, where the extension's characters take one unit.
    ("a" * 70 + "甲", UCS2, 2), ("€" * 69 + "甲", UCS2, 1), ("`" * 71, UCS2, 2), ("ç", UCS2, 1), ("Ç\n\r", GSM7, 1), ("\x1b", UCS2, 1), ("\t", UCS2, 1),
    ("\ud83d" * 71, UCS2, 2),
]  # fmt: skip


def test_measure() -> None:
    measured = [(text, measure(text).encoding, measure(text).segments) for text, _, _ in SIZES]
    assert measured == SIZES


def test_the_alphabet_is_that_of_gsm_03_38() -> None:
    codec = gsm0338.Codec()
    for code in range(0x2FFF):
        char = chr(code)
        try:
            septets = len(codec.encode(char)[0])
        except UnicodeEncodeError:
            septets = 0
        # The codec accepts the bare escape, which is not a character.
        expected = septets if char != "\x1b" else 0
        assert (measure(char).encoding is GSM7) == (expected > 0)
        assert measure(char * 160).segments == {0: 3, 1: 1, 2: 3}[expected]


def units(text: str, encoding: Encoding) -> int:
    """Return how many septets or sixteen-bit units a text takes."""
    return len(gsm0338.Codec().encode(text)[0]) if encoding is GSM7 else len(text.encode("utf-16-be")) // 2


@tries(300)
@given(
    st.text(st.sampled_from("甲ab€😀[，"), max_size=500) | st.text(st.sampled_from("ab€[^"), max_size=700),
    st.integers(0, 255),
)
def test_segments_contain_the_text_whole_and_are_as_many_as_measured(text: str, reference: int) -> None:
    size, segments = measure(text), split(text, reference)
    assert len(segments) == size.segments
    assert "".join(segment.text for segment in segments) == text
    if len(segments) == 1:
        assert segments[0].header == b""
        return
    for number, segment in enumerate(segments, 1):
        assert segment.header == bytes((5, 0, 3, reference, len(segments), number))
        assert 0 < units(segment.text, size.encoding) <= (153 if size.encoding is GSM7 else 67)


def test_no_pair_is_parted() -> None:
    assert [len(segment.text) for segment in split("a" * 152 + "€" + "a" * 152, 0)] == [152, 152, 1]
    assert [len(segment.text) for segment in split("甲" * 66 + "😀" + "甲" * 66, 0)] == [66, 66, 1]


def test_a_text_of_more_segments_than_a_header_counts_is_refused() -> None:
    assert len(split("甲" * 67 * 255, 7)) == 255
    with pytest.raises(ValueError, match="256"):
        split("甲" * (67 * 255 + 1), 7)


PIECES = st.lists(st.text(st.sampled_from("甲乙ab€😀[，；"), min_size=1, max_size=60), max_size=40)


@tries(150)
@given(
    PIECES,
    st.sampled_from([("", "中国移动"), ("【中国移动】", ""), ("", " China Mobile"), ("", "")]),
    st.integers(2, 5),
)
def test_pages_contain_every_piece_whole(pieces: list[str], sign_off: tuple[str, str], most: int) -> None:
    front, end = sign_off
    pages = paginate(Passage(tuple(pieces)), lambda text: front + text + end, most)
    assert all(measure(page).segments <= most for page in pages)
    assert all(page.startswith(front) and page.endswith(end) for page in pages)
    bodies = [page[len(front) : len(page) - len(end)] for page in pages]
    if len(pages) > 1:
        marks = [(f"（{n}/{len(pages)}）", f"({n}/{len(pages)}) ") for n in range(1, len(pages) + 1)]
        wide = [measure(page).encoding is UCS2 for page in pages]
        assert all(
            body.startswith(mark[0 if ucs2 else 1]) for body, mark, ucs2 in zip(bodies, marks, wide, strict=True)
        )
        bodies = [body.removeprefix(mark[0]).removeprefix(mark[1]) for body, mark in zip(bodies, marks, strict=True)]
    assert "".join(bodies) == "".join(pieces)
    rest = pieces
    for body in bodies:
        length = 0
        while rest and length < len(body):
            length += len(rest[0])
            rest = rest[1:]
        assert length == len(body), "a piece was cut"


def test_page_marks_fit_the_encoding_and_blanks_are_not_doubled() -> None:
    def paged(*pieces: str, end: str = "", most: int = 1) -> tuple[str, ...]:
        return paginate(Passage(pieces), lambda text: text + end, most)

    assert paged("Hello. ", end=" China Mobile", most=5) == ("Hello. China Mobile",)
    latin = paged("a" * 150, "b" * 150, "c" * 20)
    assert latin == ("(1/3) " + "a" * 150, "(2/3) " + "b" * 150, "(3/3) " + "c" * 20)
    assert paged("甲" * 60, "乙" * 60, end="丙") == (
        "（1/2）" + "甲" * 60 + "丙",
        "（2/2）" + "乙" * 60 + "丙",
    )
    assert paged("One. " * 29, "Two. Three. Four. ", end=" Me") == (
        "(1/2) " + "One. " * 28 + "One. Me",
        "(2/2) Two. Three. Four. Me",
    )
    # A single piece that is too long gets a message to itself; alone it is not marked.
    assert paged("甲" * 100, end="丙") == ("甲" * 100 + "丙",)
    assert paged("甲", "乙" * 100, "甲") == ("（1/3）甲", "（2/3）" + "乙" * 100, "（3/3）甲")
    assert paged(end="丙") == ("丙",)
