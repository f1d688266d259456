"""Models of the parts of the settings file about upkeep: what is stored how long, and when daily work is done."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from app.options import FileModel, Length

_HALF_A_YEAR = timedelta(days=183)


class RetentionFile(FileModel):
    """How long messages and the payloads of evidence are stored; hashes, tickets and amounts are never purged."""

    evidence: Length = Field(
        default=_HALF_A_YEAR,
        ge=_HALF_A_YEAR,
        description="how long payloads of evidence are stored after the service, charge or ticket they are about has "
        "ended; 183d or more",
        examples=["730d"],
    )
    messages: Length = Field(
        default=_HALF_A_YEAR,
        ge=timedelta(days=1),
        description="how long messages and the recipients of finished campaigns are stored; an MO that a carrier "
        "repeats after that counts as new. An MT that asks a question is stored for as long as the question",
        examples=["366d"],
    )


def _parse_time_of_day(value: object) -> object:
    """Return None for ``off``, which YAML reads as False."""
    return None if value is False or value == "off" else value


TimeOfDay = Annotated[time | None, BeforeValidator(_parse_time_of_day)]


class ScheduleFile(FileModel):
    """When daily work is done: times of day in Asia/Shanghai, or off. One process does it; in demo and test none does.

    A time at which no gateway ran is made up for.
    """

    purge: TimeOfDay = Field(
        default=time(3, 30),
        description="when what is past its retention is deleted, as by `smsgw purge`; off: never",
        examples=["02:00"],
    )
    partitions: TimeOfDay = Field(
        default=time(3, 0),
        description="when partitions of messages are made for the time ahead, and dropped when past their retention "
        "(PostgreSQL); off: never",
        examples=["01:30"],
    )


class PartitionsFile(FileModel):
    """How PostgreSQL's tables of messages are divided by time."""

    span_days: int = Field(
        default=30,
        ge=1,
        le=366,
        description="days of a partition; messages are stored for up to as many days longer than their retention, and "
        "each partition costs every batch of messages some time",
        examples=[7],
    )
    ahead: int = Field(
        default=2, ge=1, le=60, description="how many partitions are made for the time to come", examples=[7]
    )
