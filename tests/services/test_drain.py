"""A drain beside other processes ends when nothing is due in any of them."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, update

from app.db import outbox
from app.db.inbox import inbound_message
from tests.running import Running, running, settings_for

pytestmark = pytest.mark.anyio


async def test_a_drain_sees_what_moves_on_behind_its_questions(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(postgresql_url)
    async with running(settings) as one, running(settings) as other:
        for gateway in (one, other, one):
            await gateway.gateway.storage.membership.beat()
        await one.say("帮助")
        looked = _move_behind(other, monkeypatch)

        await one.drain()
        assert await one.count(inbound_message, inbound_message.c.status == "pending") == 0
        assert len(looked) > 1


def _move_behind(other: Running, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have a message wait again once it was not seen among those that wait, and before the outbox is looked at."""
    real, looked = outbox.anything_to_do, list[bool]()

    def again(connection: Connection) -> None:
        connection.execute(update(inbound_message).values(status="pending"))

    def anything_to_do(connection: Connection, now: datetime) -> bool:
        if not looked:
            other.gateway.storage.database.write_now(again)
        looked.append(real(connection, now))
        return looked[-1]

    monkeypatch.setattr(outbox, "anything_to_do", anything_to_do)
    return looked
