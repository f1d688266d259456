"""Parsing of bulk files: a bad line affects no other, and a file of another kind is one error that names the cause."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.management.import_files import check_json_lines, in_utf8
from app.services.management.import_lines import Columns, UnreadableFileError, csv_lines, json_lines

COLUMNS = Columns(frozenset({"msisdn", "name", "plan.name"}), frozenset({"msisdn", "name"}))
HEADING = "msisdn,name,plan.name\n"
# Lines with a stray quote in different places, also beside cells that are quoted correctly.
STRAY_QUOTES = [
    '"13700000000,彩铃,',
    '13700000000,"彩铃,',
    '13700000000,彩铃,"',
    '"',
    '13700000000,"彩铃",a"b"c",',
    '"a"b,c,d',
]


def rows(text: str) -> list[tuple[int, object, bool]]:
    return [
        (line.number, line.fields.get("msisdn"), line.problem is not None)
        for line in csv_lines(io.BytesIO(text.encode()), COLUMNS)
    ]


@pytest.mark.parametrize("stray", STRAY_QUOTES)
@given(st.lists(st.sampled_from(["{n},彩铃,", '{n},"彩铃, 大","a ""b"""', '{n},"彩\n铃",']), max_size=30), st.data())
def test_a_stray_quote_costs_its_own_line(stray: str, lines: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines)))
    good = [line.format(n=13700000001 + n) for n, line in enumerate(lines)]
    found = rows(HEADING + "".join(f"{line}\n" for line in [*good[:place], stray, *good[place:]]))
    number = 2 + sum(1 + line.count("\n") for line in good[:place])
    assert [msisdn for _, msisdn, bad in found if not bad] == [str(13700000001 + n) for n in range(len(lines))]
    assert [line for line, _, bad in found if bad] == [number]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("msisdn;name\n13700000000;彩铃\n", "semicolons"),
        ("msisdn\tname\n13700000000\t彩铃\n", "tabs"),
        ("msisdn，name\n", "full-width commas"),
        ("msisdn,name\r13700000000,彩铃\r", "CR"),
        ("13700000000,彩铃\n13700000001,彩铃\n", "column 1, 2 is none of msisdn"),
        ("号码,名称\n13700000000,彩铃\n", "column 1, 2 is none of msisdn"),
        ("msisdn\n13700000000\n", "lacks columns that every line needs: name"),
        ("msisdn,name,name\n", "each once"),
        ("", "must name the columns"),
    ],
)
def test_a_wrong_heading_is_one_error_that_names_the_cause(text: str, cause: str) -> None:
    with pytest.raises(UnreadableFileError, match=cause) as refused:
        rows(text)
    assert "13700000000" not in str(refused.value)
    assert "号码" not in str(refused.value)


LINES = HEADING + "13700000000,彩信,\n13700000001,手机报,\n"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (LINES.encode("gb18030"), "GBK"),
        (HEADING.encode() + b"1,\xff,\n2,\xff,\n", "no encoding"),
        (b"PK\x03\x04" + b"\x00" * 100, "workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 100, "workbook"),
        (b"\x1f\x8b\x08" + b"\x00" * 100, "gzip"),
        (LINES.encode("utf-16")[:-1], "charset"),
    ],
)
def test_a_file_in_another_encoding_is_one_error_that_names_the_cause(content: bytes, cause: str) -> None:
    with pytest.raises(UnreadableFileError, match=cause), in_utf8(io.BytesIO(content)):
        pass


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (LINES.encode(), "text/csv"),
        (LINES.encode("utf-8-sig"), "text/csv"),
        (LINES.encode("utf-16"), "text/csv"),
        (LINES.encode("gbk"), "text/csv; charset=GBK"),
        (LINES.encode("gb18030"), 'text/csv; charset="gb2312"'),
        (LINES.encode("big5", "replace"), "text/csv; charset=big5"),
    ],
)
def test_a_file_is_read_as_it_is_marked_or_labelled(content: bytes, content_type: str) -> None:
    with in_utf8(io.BytesIO(content), content_type) as text:
        found = [line.fields for line in csv_lines(text, COLUMNS)]
    assert found[0] == {"msisdn": "13700000000", "name": "彩信"}
    assert len(found) == 2


def test_a_stray_line_in_another_encoding_costs_itself() -> None:
    content = LINES.encode() + "13700000002,彩铃,\n".encode("gbk") * 3 + b"13700000003,a,\n"
    with in_utf8(io.BytesIO(content)) as text:
        found = list(csv_lines(text, COLUMNS))
    assert [line.number for line in found if line.problem] == [4, 5, 6]
    assert found[-1].fields["msisdn"] == "13700000003"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('[\n{"type": "subscriber"},\n{"type": "service"}\n]\n', "JSON array"),
        ('[{"type": "subscriber"},\n{"type": "service"}]\n', "JSON array"),
        ('{\n"type": "subscriber"\n}\n', "several lines"),
        ("msisdn,name\n13700000000,a\n", "text/csv"),
        ('no json\n{"type": "subscriber"}\n', None),
        ("no json\n", None),
        ("{}\n{}\n", None),
        ("", None),
    ],
)
def test_json_of_another_kind_is_one_error_that_names_the_cause(text: str, cause: str | None) -> None:
    file = io.BytesIO(text.encode())
    if cause is None:
        check_json_lines(file)
        return
    with pytest.raises(UnreadableFileError, match=cause):
        check_json_lines(file)


def test_a_line_without_an_end_is_read_in_pieces_and_costs_itself() -> None:
    long = b"x" * 200_000
    content = io.BytesIO(b'{"a": 1}\n' + long + b'\n{"a": 2}\n')
    assert [(line.number, line.problem) for line in json_lines(content)] == [
        (1, None), (2, "is longer than 64 KiB"), (3, None),
    ]  # fmt: skip
    heading = io.BytesIO(HEADING.encode() + b"1,a,\n" + long + b"\n2,b,\n")
    assert [(line.number, line.problem) for line in csv_lines(heading, COLUMNS)] == [
        (2, None), (3, "is longer than 64 KiB"), (4, None),
    ]  # fmt: skip
