"""New terms reach every holder once, in batches, also if the gateway restarts between them (safety.md 3)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.orders.new_terms import NEW_TERMS
from app.db.state import current_state
from app.domain.catalogue import CancelEffect
from app.domain.subscriptions import Channel, SubscriptionState
from app.services.management import terms
from app.services.management.terms import TermsChanges
from tests.running import Running

pytestmark = pytest.mark.anyio
HOLDERS = 23


async def test_every_holder_is_reached_once(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "_HOLDERS_PER_BATCH", 5)
    parts = gateway.gateway
    now = (await parts.storage.database.read(current_state)).now
    for number in range(HOLDERS):
        msisdn = f"+861370000{number:04}"
        await parts.management.directory.set_subscriber(
            msisdn, SetSubscriber("test", frozenset({"brand"}), create=True)
        )
        subscription = ImportSubscription(
            "test", "ZQ", SubscriptionState.ACTIVE, in_plan=False, started_at=now, channel=Channel.WEB
        )
        await parts.management.directory.import_subscription(msisdn, subscription)
    async with parts.engine.paused():
        day = now + timedelta(days=30)
        await parts.management.terms_changes.announce("ZQ", 900, CancelEffect.IMMEDIATE, day, "api:test")
        # Each batch by another instance, as after a restart.
        batches = 0
        while await TermsChanges(parts.storage.database, parts.storage.ids, timedelta(hours=24)).step():
            batches += 1
        reached = await parts.storage.database.read(
            lambda connection: connection.execute(
                text("SELECT count(*), count(DISTINCT msisdn) FROM timer WHERE kind = :kind"), {"kind": NEW_TERMS}
            ).one()
        )
    assert (batches, tuple(reached)) == (6, (HOLDERS, HOLDERS))
    await parts.simulator.simulation.drain(30)
    asked = await parts.storage.database.read(
        lambda connection: connection.execute(
            text("SELECT count(*), count(DISTINCT msisdn) FROM service_order WHERE kind = 'terms'")
        ).one()
    )
    assert tuple(asked) == (HOLDERS, HOLDERS)
