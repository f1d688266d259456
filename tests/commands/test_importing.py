"""What other systems bring: imports never revive, and make nothing worse for her (safety.md 3, 8)."""

from dataclasses import replace

import pytest

from app.commands.importing import ImportSubscription
from app.domain.account import Channel, Subscription, SubscriptionState
from tests.commands.transcript import Conversation
from tests.commands.world import has, shanghai


def refused(conversation: Conversation) -> int | None:
    return conversation.outcome.refusal.status if conversation.outcome.refusal else None


IMPORT = ImportSubscription(
    "api:crm",
    "CL",
    SubscriptionState.ACTIVE,
    in_plan=False,
    started_at=shanghai("2025-06-01 10:00"),
    channel=Channel.SMS,
)
TRIAL = replace(IMPORT, service_code="TQ", state=SubscriptionState.TRIAL, trial_ends_at=shanghai("2026-03-20 10:00"))


def test_an_import_takes_over_what_exists() -> None:
    conversation = Conversation(has=())
    conversation.happens(IMPORT)
    conversation.happens(replace(IMPORT, service_code="LD", in_plan=True))
    conversation.happens(TRIAL)
    conversation.happens(replace(IMPORT, service_code="YYH", price_fen=250))
    before = conversation.account.subscriptions
    for again in (IMPORT, TRIAL):
        conversation.happens(again)
        assert conversation.outcome.verdict == "as before"
    assert conversation.account.subscriptions == before
    assert [record.kind for record in conversation.evidence] == ["import"] * 4
    conversation.play(
        """
        > 0000
        < …1、彩铃5元/月；2、音乐盒2.50元/月；…3、天气预报(墨迹)2元/月，免费体验至03月20日；…
        < …4、来电提醒0元(套餐内)；…
        > 查1
        < 彩铃于2025年06月01日经短信开通，2026年03月02日由原系统转入…
        """
    )


@pytest.mark.parametrize(
    ("held", "wanted", "status"),
    [
        (has("TQ", trial_until="2026-03-20 10:00"), replace(IMPORT, service_code="TQ"), 409),
        (has("TQ", trial_until="2026-03-20 10:00"), replace(TRIAL, trial_ends_at=None), 422),
        # Nor one whose trial ran out without a yes.
        (has("TQ", trial_until="2026-03-01 10:00"), replace(IMPORT, service_code="TQ"), 409),
        (has("CL", in_plan=True), IMPORT, 409),
        (has("CL"), replace(IMPORT, price_fen=501), 409),
        (has("CL"), replace(IMPORT, contract_until=shanghai("2027-01-01 10:00")), 409),
        (
            has("CL", contract_until="2026-06-01 10:00"),
            replace(IMPORT, contract_until=shanghai("2027-01-01 10:00")),
            409,
        ),
        (has("CL"), replace(IMPORT, service_code="NEW"), 404),
        (has("CL"), replace(IMPORT, price_fen=499), None),
        (has("CL"), replace(IMPORT, in_plan=True), None),
        (has("CL", contract_until="2026-06-01 10:00"), IMPORT, None),
        (has("TQ", trial_until="2026-03-01 10:00"), TRIAL, None),
    ],
)
def test_an_import_makes_nothing_worse(held: Subscription, wanted: ImportSubscription, status: int | None) -> None:
    conversation = Conversation(has=(held,))
    conversation.happens(wanted)
    assert refused(conversation) == status
    assert (conversation.account.subscriptions == {held.id: held}) == (status is not None)
    running = [
        item for item in conversation.account.subscriptions.values() if item.state is not SubscriptionState.ENDED
    ]
    assert len(running) == 1


def test_an_import_never_revives_what_she_ended() -> None:
    for word, state in (("QXCL", "ended"), ("QXSJB", "ending 2026-03-31")):
        code = word[2:]
        conversation = Conversation().play(f"> {word}\n@ +1h")
        conversation.happens(replace(IMPORT, service_code=code, as_of=shanghai("2026-03-02 09:59")))
        assert (refused(conversation), conversation.states()[code]) == (409, state)
    # What is as of later is a new beginning; it has a new id, so an old list does not pick it.
    conversation = Conversation().play("> 0000\n> 1\n@ +1h")
    conversation.happens(replace(IMPORT, as_of=shanghai("2026-03-02 10:30")))
    conversation.play("> [10086977] 1\n< 彩铃此前已退订…\n> 0000\n> 1\n< [10086977 result] 彩铃…")


def test_one_that_has_run_out_with_its_timer_late_is_ended_by_an_import() -> None:
    conversation = Conversation().play("> QXSJB")
    late = dict(conversation.timers)
    conversation.timers.clear()
    conversation.play("@ 2026-04-02 10:00")
    conversation.happens(replace(IMPORT, service_code="SJB"))
    assert sorted(item.state for item in conversation.account.subscriptions.values() if item.service_code == "SJB") == [
        "active",
        "ended",
    ]
    conversation.timers = late
    conversation.play("@ +1s\n> 0000\n< …3、手机报(新华)3元/月；…")
    assert [record.kind for record in conversation.evidence] == ["unsubscribe", "subscription-ended", "import"]
