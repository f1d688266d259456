"""Answers are made from what the services return; their times are in Asia/Shanghai."""

from datetime import UTC, datetime

from pydantic import BaseModel

from app.domain.values import value
from app.web.answers import answer
from app.web.times import ShanghaiTime


@value
class Found:
    name: str
    made_at: datetime
    ended_at: datetime | None = None


class FoundOut(BaseModel):
    id: str
    name: str
    made_at: ShanghaiTime
    ended_at: ShanghaiTime | None


def test_an_answer_takes_fields_by_name_and_shows_times_in_shanghai() -> None:
    shown = answer(FoundOut, Found("a", datetime(2026, 3, 1, 16, 0, 0, 5, tzinfo=UTC)), id="1")
    assert shown.model_dump_json() == (
        '{"id":"1","name":"a","made_at":"2026-03-02T00:00:00.000005+08:00","ended_at":null}'
    )
