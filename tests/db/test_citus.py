"""The check of statements for Citus finds what Citus refuses, and lets pass what it takes."""

from pathlib import Path

import pytest

from tests.citus import faults

REFUSED = (Path(__file__).parent / "refused_by_citus.sql").read_text().partition("\n")[2].split(";\n")[:-1]
GIVEN = "json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket SMALLINT, msisdn TEXT)"
# With rows of their own numbers alone.
CHANGE = f"UPDATE conversation SET tenure = 1 FROM {GIVEN} WHERE conversation.bucket = given.bucket"  # noqa: S608
REMOVE = f"DELETE FROM timer WHERE (bucket, msisdn) IN (SELECT given.bucket, given.msisdn FROM {GIVEN})"  # noqa: S608
REFUSE = (
    "UPDATE question SET failed_at = 1 WHERE EXISTS"
    " (SELECT 1 FROM outbound_message m WHERE m.bucket = question.bucket AND m.question_id = question.id)"
)


def test_all_that_citus_refused_was_kept() -> None:
    assert len(REFUSED) == 21


@pytest.mark.parametrize("statement", REFUSED, ids=range(len(REFUSED)))
def test_what_citus_refuses_is_found(statement: str) -> None:
    assert faults(statement)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "SELECT msisdn FROM conversation WHERE msisdn = %(one)s FOR UPDATE",
            "locks rows of many shards: conversation",
        ),
        (
            "SELECT 1 FROM conversation c JOIN timer t ON t.msisdn = c.msisdn",
            "joins t by something else than its bucket",
        ),
        (
            "SELECT 1 FROM provider_lane l WHERE EXISTS (SELECT 1 FROM outbox o WHERE o.provider = l.provider)",
            "looks into o for each row of l",
        ),
        (
            "UPDATE timer SET due_at = 1 WHERE msisdn IN (SELECT msisdn FROM conversation)",
            "changes rows by a subquery that cannot be pushed down: conversation",
        ),
        (
            "INSERT INTO conversation (bucket) VALUES (1) ON CONFLICT DO NOTHING",
            "counts the rows that were given, not those inserted: RETURNING is missing",
        ),
    ],
)
def test_a_fault_is_named(statement: str, fault: str) -> None:
    assert faults(statement) == [fault]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT msisdn FROM conversation WHERE bucket = %(one)s FOR UPDATE",
        "SELECT msisdn FROM conversation WHERE bucket = ANY (%(share)s) FOR UPDATE SKIP LOCKED",
        "SELECT name FROM duty WHERE name = %(name)s FOR UPDATE",
        "SELECT 1 FROM conversation c JOIN timer t ON t.bucket = ANY (ARRAY[c.bucket])",
        CHANGE,
        REMOVE,
        REFUSE,
        "INSERT INTO conversation (bucket) VALUES (1) ON CONFLICT DO NOTHING RETURNING bucket",
    ],
)
def test_what_citus_takes_passes(statement: str) -> None:
    assert faults(statement) == []
