"""Uses of per-use services (点播) and their charges (flows.md 7; safety.md 12, 19)."""

from dataclasses import replace

import pytest

from app.domain.account import SubscriberStatus
from app.domain.charges import Charge, ChargeKind
from app.domain.refusals import Refusal, RefusalReason
from app.domain.subscriptions import Channel
from tests.commands.charges.charging import announce, charge_of, code, states, use
from tests.commands.refusals import INVALID
from tests.commands.transcript import Conversation
from tests.commands.world import SUBSCRIBER, has

OTHER_CHANNELS = (Channel.WEB, Channel.WAP, Channel.APP)


@pytest.mark.parametrize("channel", OTHER_CHANNELS)
def test_each_use_of_web_wap_and_app_is_reminded(channel: Channel) -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", channel)
    use(conversation, "u-2", "GS", channel)
    assert [sent.number for sent in conversation.sent] == ["10086901", "10086901"]
    for fact in ("故事点播(新华)2.50元", "03月03日10时00分", "1小时内", code(conversation, "use-u-1"), "72小时"):
        assert fact in conversation.sent[0].text
    conversation.play("@ 2026-03-03 09:59:59\n<")
    assert set(states(conversation).values()) == {"reminded"}
    conversation.play("@ 2026-03-03 10:00\n<")
    assert set(states(conversation).values()) == {"charged"}


def test_by_sms_only_the_first_use_of_a_day_and_service_is_reminded() -> None:
    conversation = Conversation(start="2026-03-31 23:59:59")
    use(conversation, "u-1", "GS", Channel.SMS, "2026-03-31 23:00")
    use(conversation, "u-2", "GS", Channel.SMS, "2026-03-31 23:59:59")
    conversation.play("@ 2026-04-01 00:01\n<")
    use(conversation, "u-3", "GS", Channel.SMS, "2026-04-01 00:00")
    use(conversation, "u-4", "GS", Channel.SMS)
    conversation.play("@ 2026-04-01 07:00\n< [10086901 notice] …故事点播…\n< [10086901 notice] …故事点播…")
    assert states(conversation) == {
        "use-u-1": "reminded", "use-u-2": "announced", "use-u-3": "reminded", "use-u-4": "announced",
    }  # fmt: skip
    assert [charge_of(conversation, f"use-u-{n}").period for n in range(1, 5)] == [
        "2026-03",
        "2026-03",
        "2026-04",
        "2026-04",
    ]
    conversation.play("@ 2026-04-01 23:59:58\n<\n@ +1s\n<")
    assert states(conversation)["use-u-2"] == "charged"


def test_a_use_on_the_web_and_one_by_sms_are_both_reminded() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", Channel.WEB)
    use(conversation, "u-2", "GS", Channel.SMS)
    assert len(conversation.sent) == 2


@pytest.mark.parametrize("answer", ["{}", "否", "N", "TD{}", "取消", "TD"])
def test_a_dispute_makes_a_use_free_at_once(answer: str) -> None:
    conversation = Conversation(has=())
    use(conversation, "u-1", "GS", Channel.WEB)
    text = answer.format(code(conversation, "use-u-1"))
    came = conversation.text(text, "10086901")
    assert came[0].number == "10086901"
    assert "免收" in came[0].text
    assert states(conversation) == {"use-u-1": "waived"}
    conversation.play(f"> [10086901] {code(conversation, 'use-u-1')}\n< …已免收…\n@ +2d\n<")


def test_at_night_a_use_on_the_web_is_reminded_at_once_with_a_window_until_eight() -> None:
    conversation = Conversation(start="2026-03-02 23:30")
    use(conversation, "u-1", "GS", Channel.WEB)
    assert "03月03日08时00分前" in conversation.sent[0].text
    conversation.play(f"@ 2026-03-03 08:00\n> [10086901] {code(conversation, 'use-u-1')}\n< …免收…")


def test_covered_uses_are_not_taken_when_the_first_could_not_be_reminded() -> None:
    conversation = Conversation()
    conversation.play("! refusing")
    use(conversation, "u-1", "GS", Channel.SMS)
    use(conversation, "u-2", "GS", Channel.SMS)
    conversation.play("@ +71h\n<")
    assert states(conversation) == {"use-u-1": "announced", "use-u-2": "announced"}
    conversation.play("@ +2h\n<")
    assert states(conversation) == {"use-u-1": "waived", "use-u-2": "waived"}


def test_a_covered_use_is_disputed_by_a_complaint() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", Channel.SMS)
    conversation.play("@ +2h")
    use(conversation, "u-2", "GS", Channel.SMS)
    conversation.play("> TS use-u-2不是我点的\n< …投诉已受理…\n@ +47h")
    assert states(conversation) == {"use-u-1": "charged", "use-u-2": "announced"}
    conversation.play("@ +1h\n< …故事点播(新华)2.50元…免收…\n@ +1d\n<")
    assert states(conversation)["use-u-2"] == "waived"


def test_a_free_use_has_no_reminder() -> None:
    conversation = Conversation(has=(has("GS", in_plan=True),))
    use(conversation, "u-1", "GS", Channel.WEB)
    assert conversation.sent == []
    conversation.play("@ +24h\n<")
    assert (charge_of(conversation, "use-u-1").amount_fen, states(conversation)["use-u-1"]) == (0, "charged")


def test_the_price_is_the_one_that_she_confirmed() -> None:
    conversation = Conversation(has=(has("GS", price_fen=100),))
    use(conversation, "u-1", "GS", Channel.WEB)
    assert charge_of(conversation, "use-u-1").amount_fen == 100


def test_the_same_use_twice_is_one() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", Channel.WEB)
    assert use(conversation, "u-1", "GS", Channel.WEB).verdict == "known"
    assert len(conversation.sent) == 1
    refusal = use(conversation, "u-1", "GS", Channel.SMS).refusal
    assert refusal is not None
    assert refusal.reason == RefusalReason.ID_TAKEN


def reason_and_field(refusal: Refusal | None) -> tuple[RefusalReason, str]:
    assert refusal is not None
    return refusal.reason, refusal.detail.partition(":")[0]


def test_invalid_uses_are_refused() -> None:
    conversation = Conversation()
    assert reason_and_field(use(conversation, "u-1", "NO", Channel.WEB).refusal) == (
        RefusalReason.INVALID_SERVICE_CODE,
        "",
    )
    assert reason_and_field(use(conversation, "u-1", "CL", Channel.WEB).refusal) == (INVALID, "service_code")
    assert reason_and_field(use(conversation, "u-1", "GS", Channel.AGENT).refusal) == (INVALID, "channel")
    assert reason_and_field(use(conversation, "u-1", "GS", Channel.WEB, "2026-03-02 10:11").refusal) == (INVALID, "at")
    assert reason_and_field(use(Conversation(subscriber=None), "u-1", "GS", Channel.WEB).refusal) == (
        RefusalReason.NO_CONSENT,
        "msisdn",
    )
    announce(conversation, "use-u-9", "CL", 500, "2026-03-05 12:00")
    assert reason_and_field(use(conversation, "u-9", "GS", Channel.WEB).refusal) == (RefusalReason.ID_TAKEN, "use_id")
    assert set(conversation.account.records[Charge]) == {"use-u-9"}


def test_a_charge_for_a_use_that_has_one_is_refused() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", Channel.WEB)
    outcome = announce(conversation, "c-1", "GS", 250, "2026-03-05 12:00", kind=ChargeKind.PER_USE)
    assert reason_and_field(outcome.refusal) == (RefusalReason.NO_UNCHARGED_USE, "")


def test_uses_are_charged_while_suspended() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED))
    use(conversation, "u-1", "GS", Channel.WEB)
    conversation.play("@ +24h\n<")
    assert states(conversation) == {"use-u-1": "charged"}
