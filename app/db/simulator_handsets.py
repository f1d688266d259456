"""Rows of simulated handsets that the network treats in a way of their own: how it answers sends, what it reports."""

from collections.abc import Collection, Mapping
from functools import cache

from sqlalchemy import Column, Connection, Integer, PrimaryKeyConstraint, Table, Text, select

from app.db.columns import CLUSTERED, customer, metadata
from app.db.keys import NUMBER
from app.db.readers import RowReader
from app.db.rows import AnySelect, as_keys, fetch, given_keys, matching
from app.db.writing import upsert_rows
from app.domain.msisdn import bucket_of
from app.domain.simulation import MILLION, Fault, FaultMode, Reporting, SimulatedReport
from app.domain.values import value

# ``fault_mode`` NULL: sends are answered as to all others; ``report_status`` NULL: they are reported on like theirs.
simulator_handset = Table(
    "simulator_handset",
    metadata,
    *customer(tenure=False),
    Column("fault_mode", Text),
    Column("fault_rate_ppm", Integer, nullable=False, server_default=str(MILLION)),
    Column("fault_count", Integer),
    Column("report_status", Text),
    Column("report_delay_seconds", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("bucket", "msisdn"),
    **CLUSTERED,
)


@value
class _Row:
    msisdn: str
    fault_mode: FaultMode | None
    fault_rate_ppm: int
    fault_count: int | None
    report_status: SimulatedReport | None
    report_delay_seconds: int


@value
class OwnConditions:
    """What holds for one handset alone; None: what holds for all."""

    fault: Fault | None = None
    reporting: Reporting | None = None


_ROW = RowReader(_Row, simulator_handset)


@cache
def _of(dialect: str) -> AnySelect:
    given = given_keys(dialect, simulator_handset, NUMBER)
    return select(*_ROW.columns).join_from(simulator_handset, given, matching(simulator_handset, given, NUMBER))


def conditions_of(connection: Connection, numbers: Collection[str]) -> dict[str, OwnConditions]:
    """Return what holds for those handsets alone that have conditions of their own, by number."""
    keys = as_keys([(bucket_of(one), one) for one in sorted(numbers)])
    rows = map(_ROW.read, fetch(connection, _of(connection.dialect.name), keys))
    return {row.msisdn: OwnConditions(_fault(row), _reporting(row)) for row in rows}


def set_faults(connection: Connection, faults: Mapping[str, Fault | None]) -> None:
    """Set how sends to handsets are answered, by number; None: as those to all others."""
    rows = [
        {
            **_key(msisdn),
            "fault_mode": fault and fault.mode,
            "fault_rate_ppm": fault.rate_ppm if fault else MILLION,
            "fault_count": fault and fault.count,
        }
        for msisdn, fault in sorted(faults.items())
    ]
    upsert_rows(connection, simulator_handset, rows, NUMBER)


def set_reporting(connection: Connection, msisdn: str, reporting: Reporting | None) -> None:
    """Set what is reported of messages to a handset from now on; None: as of those to all others."""
    given = {
        **_key(msisdn),
        "report_status": reporting and reporting.status,
        "report_delay_seconds": reporting.delay_seconds if reporting else 0,
    }
    upsert_rows(connection, simulator_handset, [given], NUMBER)


def _key(msisdn: str) -> dict[str, object]:
    return {"bucket": bucket_of(msisdn), "msisdn": msisdn}


def _fault(row: _Row) -> Fault | None:
    return None if row.fault_mode is None else Fault(row.fault_mode, row.fault_rate_ppm, row.fault_count)


def _reporting(row: _Row) -> Reporting | None:
    return None if row.report_status is None else Reporting(row.report_status, row.report_delay_seconds)
