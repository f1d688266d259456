"""Rows of many numbers in everything that waits: to be handled, to be sent, to be told, to be reported on."""

from datetime import timedelta

from sqlalchemy import Connection, func, select

from app.db.conversations import conversation
from app.db.inbound_keys import inbound_key
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.questions import question
from app.db.simulator import simulator_message
from app.db.timers import timer
from app.db.writing import insert_rows
from app.domain.msisdn import bucket_of
from app.services.ids import IdSource
from tests.running import START


def fill(connection: Connection, count: int = 5_000) -> None:
    """Add messages of many numbers that wait: to be handled, to be sent, to be reported on; and their questions."""
    ids, later = IdSource(), START + timedelta(days=365)
    first = connection.execute(select(func.count()).select_from(conversation)).scalar_one()
    numbers = [f"+86137{first + place:08}" for place in range(count)]
    keys = [{"bucket": bucket_of(number), "msisdn": number} for number in numbers]
    items = [{**key, "id": next(ids)} for key in keys]
    insert_rows(connection, conversation, [{**key, "tenure": 1} for key in keys])
    mt = {
        "tenure": 1, "service_number": "10086", "text": "x" * 200, "class": "reply", "encoding": "ucs2", "segments": 3,
        "provider": "simulator", "made_at": START, "valid_until": START, "status": "queued", "attempts": 0, "told": 1,
        "has_news": True,
    }  # fmt: skip
    theirs = [{"question_id": item["id"], "provider_message_id": item["msisdn"]} for item in items]
    messages = [{**item, **mt, **more} for item, more in zip(items, theirs, strict=True)]
    insert_rows(connection, outbound_message, messages)
    way = {"lane": "prompt", "provider": "simulator", "due_at": START, "valid_until": START, "attempts": 0}
    insert_rows(connection, outbox, [{**item, **way} for item in items])
    asked = {
        "tenure": 1, "kind": "k", "state": "", "extension": "", "asked_text": "", "asked_at": START, "expires_at": later,
    }  # fmt: skip
    insert_rows(connection, question, [{**item, **asked} for item in items])
    shown = {"direction": "mt", "at": START, "report": "delivered", "report_due_at": START}
    threads = [{**key, "seq": item["id"], "message_id": item["id"]} for key, item in zip(keys, items, strict=True)]
    insert_rows(connection, simulator_message, [{**thread, **shown} for thread in threads])
    mo = {"provider": "simulator", "part": 1, "provider_message_id": "m"}
    insert_rows(connection, inbound_key, [{**item, **mo} for item in items])
    waits = {
        "dialled": "10086", "text": "0000", "status": "pending", "sent_at": START, "stored_at": START, "due_at": START,
        "tries": 0, "concat_ref": "7",
    }  # fmt: skip
    insert_rows(connection, inbound_message, [{**item, **mo, **waits} for item in items])
    timed = {"tenure": 1, "kind": "k", "subject": "", "due_at": START, "data": ""}
    insert_rows(connection, timer, [{**key, **timed} for key in keys])
