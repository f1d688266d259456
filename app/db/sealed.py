"""Everything in the database that is sealed: webhook secrets of SPs, and texts with a password until their turn."""

from collections.abc import Callable

from sqlalchemy import Connection, select, update

from app.db.catalogue import service_provider
from app.db.inbox import inbound_message
from app.db.postgresql import allow_long_statements
from app.db.state import bump_catalogue, lock_catalogue

_provider, _inbound = service_provider.c, inbound_message.c
_LIMIT = 500
# Returns what is to be stored in place of a sealed text; None: it stays.
Replace = Callable[[str], str | None]


def replace_secrets(connection: Connection, replace: Replace) -> int:
    """Replace webhook secrets of SPs. Return their number."""
    lock_catalogue(connection)
    found = select(_provider.sp_code, _provider.sealed_webhook_secret).where(
        _provider.sealed_webhook_secret.is_not(None)
    )
    changed = 0
    for code, sealed in connection.execute(found).all():
        if (new := replace(sealed)) is not None:
            connection.execute(
                update(service_provider).where(_provider.sp_code == code).values(sealed_webhook_secret=new)
            )
            changed += 1
    if changed:
        bump_catalogue(connection)
    return changed


def replace_texts(connection: Connection, replace: Replace, after: str) -> tuple[int, str | None]:
    """Replace the next texts behind an id. Return their number, and the id behind which there are more, or None.

    A text whose turn comes meanwhile is left alone.
    """
    allow_long_statements(connection)
    waiting = select(_inbound.bucket, _inbound.msisdn, _inbound.id, _inbound.sealed).where(
        _inbound.sealed.is_not(None), _inbound.id > after
    )
    found = connection.execute(waiting.order_by(_inbound.id).limit(_LIMIT)).all()
    changed = 0
    for bucket, msisdn, message_id, sealed in found:
        if (new := replace(sealed)) is not None:
            same = (_inbound.bucket == bucket, _inbound.msisdn == msisdn, _inbound.id == message_id)
            statement = update(inbound_message).where(*same, _inbound.sealed == sealed).values(sealed=new)
            changed += connection.execute(statement).rowcount
    return changed, found[-1].id if len(found) == _LIMIT else None
