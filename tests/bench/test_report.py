"""The report and the picture of a run."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from bench.picture import to_svg
from bench.report import FULL_MARKS, USUAL_MARKS, Marks, number, on_page, to_json, to_markdown, to_text
from tests.bench.runs import SAMPLE, report


@pytest.mark.parametrize(
    ("value", "written"), [(0.123, "0.12"), (12.34, "12.3"), (1234.5, "1,234"), (0, "0.00"), (-5.25, "-5.2")]
)
def test_numbers_have_three_digits_or_so(value: float, written: str) -> None:
    assert number(value) == written


def test_the_text_has_median_and_spread_of_each_figure() -> None:
    text = to_text(SAMPLE)
    assert "single: Single (12 s)" in text
    assert "processor time a round trip 400 390 to 430 µs" in " ".join(text.split())
    assert "3 turns" in text


def test_the_text_says_what_was_left_out_what_failed_and_what_was_not_reached() -> None:
    text = to_text(SAMPLE)
    assert "left out: No carrier." in text
    assert "failed: the gateway ended" in text
    assert "and its log" not in text
    assert "not reached: 1,000 a second; replies came at 812 a second" in text
    assert "instructions: `perf stat -e instructions` is missing" in text


def test_the_stages_of_all_scenarios_stand_in_one_table_with_the_rest_after_them() -> None:
    lines = [line.split() for line in to_text(SAMPLE).splitlines()]
    start = lines.index(["single", "postgresql"])
    assert lines[start + 1 : start + 6] == [
        ["HTTP", "200", "200"],
        ["turns", "100", "0.00"],
        ["rest", "100", "100"],
        ["PostgreSQL", "server", "0.00", "600"],
        ["together", "400", "900"],
    ]


def test_markdown_is_one_table_of_figures_and_one_of_stages() -> None:
    lines = to_markdown(SAMPLE).splitlines()
    assert "| single | processor time a round trip | 400 | 390 to 430 | µs |" in lines
    assert "| memory | failed: the gateway ended | | | |" in lines
    assert "| HTTP | 200 | 200 |" in lines
    tables = [line for line in lines if line.startswith("|---")]
    assert tables == ["|---|---|---:|---:|---|", "|---|---:|---:|"]


def test_the_head_says_which_command_was_run_and_which_scenarios_were_not() -> None:
    partial = replace(SAMPLE, command="python -m bench --full", left_out=["day", "many-50"])
    assert "- command: `python -m bench --full`" in to_markdown(partial)
    assert "- not run: day, many-50" in to_markdown(partial)
    assert "not run" not in to_markdown(SAMPLE)


@pytest.mark.parametrize("marks", [USUAL_MARKS, FULL_MARKS])
def test_a_page_gets_the_figures_between_its_marks_each_time_anew(marks: Marks) -> None:
    begin, end = marks
    once = on_page(f"# Page\n{begin}\nold\n{end}\nend\n", SAMPLE, marks)
    assert once.startswith(f"# Page\n{begin}\n\n- machine: ")
    assert once.endswith(f"|\n\n{end}\nend\n")
    assert "old" not in once
    assert on_page(once, SAMPLE, marks) == once


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- bench: begin -->"):
        on_page("# Page\n", SAMPLE, USUAL_MARKS)


def test_json_has_every_value() -> None:
    entries = json.loads(to_json(SAMPLE))["entries"]
    figure = entries[0]["result"]["figures"][0]
    assert figure == {"name": "processor time a round trip", "unit": "µs", "values": [390, 400, 430], "median": 400}
    assert entries[0]["result"]["stages"]["scaled_us"]["HTTP"] == 200


def test_the_picture_stays_the_same_and_names_what_it_shows() -> None:
    drawn = to_svg(SAMPLE)
    assert drawn == to_svg(SAMPLE)
    tree = ET.fromstring(drawn)  # noqa: S314  made here
    words = {element.text for element in tree.iter() if element.tag.endswith("text")}
    assert {"one message a request", "PostgreSQL", "HTTP", "rest", "400", "900", "100", "1,000/s", "21.0"} <= words


def test_the_bars_of_the_picture_are_as_long_as_their_times() -> None:
    tree = ET.fromstring(to_svg(SAMPLE))  # noqa: S314  made here
    widths = [float(box.get("width", 0)) for box in tree.iter() if box.get("height") == "20"]
    empty, single, other = widths[0], sum(widths[1:5]), sum(widths[5:])
    assert single / empty == pytest.approx(4, abs=0.05)
    assert other / single == pytest.approx(9 / 4, abs=0.05)


def test_a_run_without_stages_has_a_report_and_a_picture() -> None:
    assert "stage" not in to_text(report())
    ET.fromstring(to_svg(report()))  # noqa: S314  made here
    assert to_markdown(report())
