"""Campaigns and their recipients. What a subscriber was sent is a record of the subscriber's (`CampaignMessage`)."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    exists,
    func,
    insert,
    select,
    tuple_,
    update,
)

from app.db.columns import CLUSTERED, customer, metadata, optional, partial_index, required
from app.db.pages import Part
from app.db.record_tables import RECORD_TABLES
from app.db.rows import AnyRow, Row, one_of
from app.db.subscribers import subscriber
from app.db.types import Id, Instant
from app.db.writing import insert_new_rows, update_rows
from app.domain.account import Brand, Language, Payment, SubscriberStatus
from app.domain.campaigns import Campaign, CampaignMessage, Segment
from app.domain.messages import MessageClass
from app.domain.msisdn import bucket_of
from app.domain.values import value

# ``cursor``: the last number, in the order of bucket and number, that was read while the segment is being expanded.
# ``tally``: counts of recipients whose rows were deleted (JSON: ``skipped`` by reason, ``states`` by state).
campaign = Table(
    "campaign",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    *required(Text, "class", "text", "who"),
    *optional(Text, "brand", "payment", "language", "cursor", "tally"),
    Column("vip", Boolean),
    *required(Boolean, "by_segment", "expanded"),
    Column("made_at", Instant, nullable=False),
    Column("done_at", Instant),
    partial_index("ix_campaign_unfinished", "id", where="done_at IS NULL"),
)
campaign_recipient = Table(
    "campaign_recipient",
    metadata,
    *customer(tenure=False),
    Column("campaign_id", Id, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    PrimaryKeyConstraint("bucket", "campaign_id", "msisdn"),
    Index("ix_campaign_recipient_campaign_id", "campaign_id", "status", "reason"),
    partial_index("ix_campaign_recipient_waiting", "campaign_id", "bucket", "msisdn", where="status = 'waiting'"),
    **CLUSTERED,
)
_campaign = campaign.c
_recipient = campaign_recipient.c
_KEY = ("bucket", "campaign_id", "msisdn")
_WAITING = one_of(_recipient.status, "waiting")


def add(connection: Connection, made: Campaign, msisdns: Sequence[str]) -> None:
    """Insert a campaign, with its recipients if they are given by number."""
    segment = made.segment or Segment()
    row = {
        "id": made.id,
        "class": made.kind.value,
        "text": made.text,
        "who": made.who,
        "brand": segment.brand,
        "payment": segment.payment,
        "language": segment.language,
        "vip": segment.vip,
        "by_segment": made.segment is not None,
        "expanded": made.expanded,
        "made_at": made.made_at,
    }
    connection.execute(insert(campaign).values(**row))
    _add_recipients(connection, made.id, msisdns)


def _add_recipients(connection: Connection, campaign_id: str, msisdns: Sequence[str]) -> None:
    rows: list[Row] = [
        {"bucket": bucket_of(msisdn), "msisdn": msisdn, "campaign_id": campaign_id, "status": "waiting"}
        for msisdn in msisdns
    ]
    insert_new_rows(connection, campaign_recipient, rows)


def _campaign_of(row: AnyRow) -> Campaign:
    segment = Segment(
        Brand(row.brand) if row.brand else None,
        row.vip,
        Payment(row.payment) if row.payment else None,
        Language(row.language) if row.language else None,
    )
    kind = MessageClass(getattr(row, "class"))
    return Campaign(
        row.id, kind, row.text, segment if row.by_segment else None, row.who, row.made_at, expanded=row.expanded
    )


def oldest_unfinished(connection: Connection) -> Campaign | None:
    """Return the oldest campaign that has recipients left; None if there is none."""
    statement = select(campaign).where(_campaign.done_at.is_(None)).order_by(_campaign.id).limit(1)
    row = connection.execute(statement).one_or_none()
    return _campaign_of(row) if row else None


def has_unfinished() -> ColumnElement[bool]:
    """Return the condition: a campaign has recipients left."""
    return exists().where(_campaign.done_at.is_(None))


def unfinished_ids(connection: Connection) -> list[str]:
    """Return the ids of all campaigns that have recipients left, oldest first."""
    return list(
        connection.execute(select(_campaign.id).where(_campaign.done_at.is_(None)).order_by(_campaign.id)).scalars()
    )


def get(connection: Connection, campaign_id: str) -> Campaign:
    """Return a campaign. Raise NoResultFound for an unknown id."""
    return _campaign_of(connection.execute(select(campaign).where(_campaign.id == campaign_id)).one())


# ---- processing


def expand(connection: Connection, campaign_id: str, limit: int) -> None:
    """Add the next ``limit`` subscribers of a campaign's segment as recipients, in the order of bucket and number."""
    locked = select(campaign).where(_campaign.id == campaign_id).with_for_update()
    row = connection.execute(locked).one()
    if row.expanded:
        return
    columns = subscriber.c
    conditions: list[ColumnElement[bool]] = [columns.status != SubscriberStatus.CLOSED.value]
    given = {name: getattr(row, name) for name in Segment.__dataclass_fields__}
    conditions += [columns[name] == wanted for name, wanted in given.items() if wanted is not None]
    if row.cursor is not None:
        conditions.append(tuple_(columns.bucket, columns.msisdn) > tuple_(bucket_of(row.cursor), row.cursor))
    page = select(columns.msisdn).where(*conditions).order_by(columns.bucket, columns.msisdn).limit(limit)
    found = [msisdn for (msisdn,) in connection.execute(page)]
    _add_recipients(connection, campaign_id, found)
    expanded = len(found) < limit
    changed = {"cursor": None if expanded else found[-1], "expanded": expanded}
    connection.execute(update(campaign).where(_campaign.id == campaign_id).values(**changed))


def waiting(connection: Connection, campaign_id: str, limit: int) -> list[str]:
    """Return at most ``limit`` recipients that are still to be sent to."""
    mine = (_recipient.campaign_id == campaign_id, _WAITING)
    statement = select(_recipient.msisdn).where(*mine).order_by(_recipient.bucket, _recipient.msisdn).limit(limit)
    return [msisdn for (msisdn,) in connection.execute(statement)]


def record_results(connection: Connection, campaign_id: str, results: Mapping[str, str | None]) -> None:
    """Record by number why a recipient was skipped, or None for one that was sent to."""
    rows: list[Row] = [
        {
            "bucket": bucket_of(msisdn),
            "campaign_id": campaign_id,
            "msisdn": msisdn,
            "status": "skipped" if reason else "reached",
            "reason": reason,
        }
        for msisdn, reason in sorted(results.items())
    ]
    update_rows(connection, campaign_recipient, rows, _KEY)


def finish(connection: Connection, campaign_id: str, now: datetime) -> None:
    """Mark a campaign as finished."""
    connection.execute(update(campaign).where(_campaign.id == campaign_id).values(done_at=now))


# ---- deleting


def add_counts(connection: Connection, campaign_id: str, skipped: Counter[str], states: Counter[str]) -> None:
    """Add the counts of rows that this transaction deletes to the campaign's own."""
    locked = select(_campaign.tally).where(_campaign.id == campaign_id).with_for_update()
    before_skipped, before_states = _tally(connection.execute(locked).scalar_one())
    tally = json.dumps({"skipped": before_skipped + skipped, "states": before_states + states})
    connection.execute(update(campaign).where(_campaign.id == campaign_id).values(tally=tally))


def _tally(stored: str | None) -> tuple[Counter[str], Counter[str]]:
    given = json.loads(stored or "{}")
    return Counter(given.get("skipped")), Counter(given.get("states"))


# ---- reading


@value
class Progress:
    """A campaign and how far it is.

    Attributes:
        done_at: UTC; None while recipients are left.
        waiting: the number of recipients that are left.
        skipped: the number of recipients that were skipped, by reason.
        states: the number of recipients that were sent to, by the state of their message.
    """

    campaign: Campaign
    done_at: datetime | None
    waiting: int
    skipped: Mapping[str, int]
    states: Mapping[str, int]


def _progress(connection: Connection, row: AnyRow) -> Progress:
    by_status = (
        select(_recipient.status, _recipient.reason, func.count())
        .where(_recipient.campaign_id == row.id)
        .group_by(_recipient.status, _recipient.reason)
    )
    counts = {(status, reason): number for status, reason, number in connection.execute(by_status)}
    messages = RECORD_TABLES[CampaignMessage].table.c
    by_state = (
        select(messages.state, func.count().label("number")).where(messages.id == row.id).group_by(messages.state)
    )
    skipped, states = _tally(row.tally)
    skipped.update({reason: number for (status, reason), number in counts.items() if status == "skipped"})
    states.update({found.state: found.number for found in connection.execute(by_state)})
    return Progress(_campaign_of(row), row.done_at, counts.get(("waiting", None), 0), skipped, states)


def progress(connection: Connection, campaign_id: str) -> Progress | None:
    """Return how far a campaign is; None for an unknown id."""
    row = connection.execute(select(campaign).where(_campaign.id == campaign_id)).one_or_none()
    return _progress(connection, row) if row else None


def page(connection: Connection, part: Part) -> list[Progress]:
    """Return a part of the campaigns, by id; the time of a campaign is when it was made."""
    statement = part.of(select(campaign), _campaign.id, _campaign.made_at)
    return [_progress(connection, row) for row in connection.execute(statement).all()]
