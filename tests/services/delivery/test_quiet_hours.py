"""Messages that the gateway sends unasked go out by day, in the order in which they were made (flows.md 15)."""

import pytest

from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.domain.account import Language
from app.domain.charges import ChargeKind, ChargeState
from app.domain.messages import MessageClass
from app.domain.subscriptions import Channel
from app.domain.texts import wording
from app.services.management.campaigns import NewCampaign
from tests.commands.world import shanghai
from tests.running import ALICE, Running

pytestmark = pytest.mark.anyio


async def send_care_message(gateway: Running, text: str) -> None:
    await gateway.gateway.management.campaigns.start(NewCampaign(MessageClass.CARE, text, "api:test", (ALICE,)))
    await gateway.drain()


async def test_a_message_that_was_not_accepted_by_day_is_sent_in_the_morning(gateway: Running) -> None:
    await gateway.advance_to("2026-03-02 21:58")
    await gateway.faults("throttle")
    await send_care_message(gateway, "祝您节日快乐")
    await gateway.advance_to("2026-03-02 22:30")
    await gateway.faults("ok")
    await gateway.advance_to("2026-03-03 06:59:59")
    assert await gateway.received() == []
    assert await gateway.say("YE"), "answers go at any hour"
    await gateway.advance(seconds=1)
    [_, greeting] = await gateway.received()
    assert greeting.text == "祝您节日快乐中国移动"


async def test_held_messages_are_sent_in_the_order_in_which_they_were_made(gateway: Running) -> None:
    """The order does not follow the ids of the charges, by which the last one would come first."""
    await gateway.subscribe(ALICE, "YYH")
    await gateway.advance_to("2026-03-02 23:00")
    due_at = shanghai("2026-03-03 20:00")
    for charge_id, service_code in (("c-3", "SJB"), ("c-2", "CL"), ("c-1", "YYH")):
        wanted = AnnounceCharge("api:billing", charge_id, service_code, ChargeKind.MONTHLY, 200, due_at)
        await gateway.gateway.management.charges.announce(ALICE, wanted)
    assert await gateway.texts() == []
    await gateway.advance_to("2026-03-03 07:00")
    names = [name for text in await gateway.texts() for name in ("手机报", "彩铃", "音乐盒") if name in text]
    assert names == ["手机报", "彩铃", "音乐盒"]


@pytest.mark.parametrize("fault", ["error", "throttle"])
async def test_a_fee_reminder_that_comes_late_names_when_its_fee_may_be_taken(gateway: Running, fault: str) -> None:
    """A reminder is made anew whenever the time that it names has passed."""
    await gateway.faults(fault)
    wanted = AnnounceCharge("api:billing", "c-1", "SJB", ChargeKind.MONTHLY, 200, shanghai("2026-03-02 14:00"))
    await gateway.gateway.management.charges.announce(ALICE, wanted)
    used = RecordUse("api:billing", "u-1", "GS", Channel.WEB, shanghai("2026-03-01 14:00"))
    await gateway.gateway.management.charges.record_use(ALICE, used)
    await gateway.advance_to("2026-03-02 15:00")
    assert await gateway.texts() == []
    await gateway.faults("ok")
    await gateway.advance_to("2026-03-02 16:00")
    texts = await gateway.texts()
    for charge_id, name in (("c-1", "手机报"), ("use-u-1", "故事点播")):
        charge = (await gateway.gateway.management.charges.one(charge_id, former=False)).charge
        assert charge.state is ChargeState.REMINDED
        assert charge.due_at > shanghai("2026-03-02 16:00")
        (text,) = [text for text in texts if name in text]
        assert f"将于{wording.minute(Language.ZH, charge.due_at)}起扣收" in text
