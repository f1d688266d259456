"""How well SPs serve customers, so that it can be published (M18)."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime, time, timedelta
from functools import partial

from app.db.session import Database
from app.db.sp_quality import SpQuality, quality_of_sps
from app.domain.calendar import SHANGHAI

# What a spreadsheet takes for the beginning of a formula (safety.md 29).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Quality:
    """Counts what became of orders, fees and complaints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_sps(self, first: date, last: date) -> list[SpQuality]:
        """Every SP, by code, over whole days in Shanghai, both included."""
        begin, end = _midnight(first), _midnight(last + timedelta(days=1))
        return await self._database.read(partial(quality_of_sps, begin=begin, end=end))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def as_csv(rows: Sequence[SpQuality]) -> str:
    """The same as CSV by RFC 4180; what a spreadsheet would run is led by an apostrophe."""
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
