"""The list of all subscribers, for the management API."""

from sqlalchemy import ColumnElement, Connection, literal, select, tuple_

from app.db.pages import Part
from app.db.subscribers import SUBSCRIBER, subscriber
from app.domain.account import Brand, Language, Payment, Subscriber, SubscriberStatus
from app.domain.msisdn import bucket_of
from app.domain.values import value

_columns = subscriber.c
_KEYS = (_columns.bucket, _columns.msisdn, _columns.tenure)


@value
class SubscriberFilter:
    """Which subscribers to read; None: any. ``former``: also former tenures of a number (safety.md 1)."""

    brand: Brand | None = None
    vip: bool | None = None
    payment: Payment | None = None
    status: SubscriberStatus | None = None
    language: Language | None = None
    former: bool = False


def page(
    connection: Connection, wanted: SubscriberFilter, part: Part, behind: tuple[str, int] | None
) -> list[Subscriber]:
    """Return a part of the subscribers, in the order of their keys, behind a number and tenure; ``after`` is not used.

    The time of a subscriber is when the tenure began.
    """
    given = {name: getattr(wanted, name) for name in ("brand", "vip", "payment", "status", "language")}
    conditions: list[ColumnElement[bool]] = [
        _columns[name] == wanted_value for name, wanted_value in given.items() if wanted_value is not None
    ]
    if not wanted.former:
        later = subscriber.alias()
        same = (later.c.bucket == _columns.bucket, later.c.msisdn == _columns.msisdn)
        conditions.append(~select(1).where(*same, later.c.tenure > _columns.tenure).exists())
    if behind is not None:
        msisdn, tenure = behind
        last = tuple_(literal(bucket_of(msisdn)), literal(msisdn), literal(tenure))
        conditions.append(part.behind(tuple_(*_KEYS), last))
    statement = select(*SUBSCRIBER.columns).where(*conditions, *part.within(_columns.created_at))
    return list(map(SUBSCRIBER.read, connection.execute(part.sorted(statement, *_KEYS))))
