"""Figures of service quality for each SP, for publication: orders, charges and complaints (mission.md, M18)."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime, time, timedelta
from functools import partial

from app.db.session import Database
from app.db.sp_quality import SpQuality, quality_of_sps
from app.domain.calendar import SHANGHAI

# A spreadsheet takes a cell that begins with one of these for a formula (safety.md 29).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Quality:
    """Counts the outcomes of orders, charges and complaints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_sps(self, first: date, last: date) -> list[SpQuality]:
        """Return the figures of every SP, by code, from the day ``first`` to the day ``last``, both included.

        Days are those of Asia/Shanghai.
        """
        begin, end = _midnight(first), _midnight(last + timedelta(days=1))
        return await self._database.read(partial(quality_of_sps, begin=begin, end=end))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def as_csv(rows: Sequence[SpQuality]) -> str:
    """Return the figures as CSV (RFC 4180). An apostrophe precedes text that a spreadsheet would run as a formula."""
    names = [field.name for field in fields(SpQuality)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        values = asdict(row)
        writer.writerow([_cell(values[name]) for name in names])
    return text.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
