"""Pages are cut where the request says, and name a cursor only if rows follow."""

import pytest

from app.services.paging import Page


@pytest.mark.parametrize(
    ("found", "items", "next_cursor"), [([], [], None), ([1, 2], [1, 2], None), ([1, 2, 3], [1, 2], "2")]
)
def test_a_page_has_a_cursor_if_more_was_found_than_asked_for(
    found: list[int], items: list[int], next_cursor: str | None
) -> None:
    assert Page.of(found, 2, str) == Page(items, next_cursor)


def test_a_converted_page_keeps_its_cursor() -> None:
    assert Page.of([1, 2, 3], 2, str).map(str) == Page(["1", "2"], "2")
