"""Campaigns: by day only, one message a month, marketing only with consent (flows.md 15, safety.md 18)."""

import pytest

from app.commands.outreach.campaigns import SendCampaignMessage
from app.commands.outreach.consent import GiveConsent, WithdrawConsent
from app.domain.campaigns import CampaignMessage, SkipReason
from app.domain.consents import MarketingConsent
from app.domain.messages import MessageClass
from app.domain.policy import ProviderTraits
from app.domain.refusals import RefusalReason
from tests.commands.transcript import Conversation

CARE, MARKETING = MessageClass.CARE, MessageClass.MARKETING


def reach(talk: Conversation, campaign_id: str, kind: MessageClass = CARE, text: str = "祝您节日快乐") -> str:
    """Send a campaign; return the texts that the customer gets, or the reason for a skip."""
    sent = talk.happens(SendCampaignMessage(campaign_id, kind, text, talk.now))
    skipped = talk.outcome.result
    return skipped if isinstance(skipped, SkipReason) else "".join(message.text for message in sent)


def state(talk: Conversation, campaign_id: str) -> str:
    message = talk.account.record(CampaignMessage, campaign_id)
    assert message is not None
    return message.state.value


def test_one_care_message_a_month_in_shanghai() -> None:
    talk = Conversation(start="2026-03-31 12:00")
    assert reach(talk, "c-1") == "祝您节日快乐中国移动"
    assert talk.sent[-1].number == "10086888"
    assert reach(talk, "c-2") == "monthly_cap"
    talk.play("@ 2026-03-31 21:59")
    assert reach(talk, "c-3") == "monthly_cap"
    talk.play("@ 2026-04-01 07:00")
    assert reach(talk, "c-4", text="四月问候") == "四月问候中国移动"


def test_a_campaign_is_sent_once() -> None:
    talk = Conversation()
    assert reach(talk, "c-1") == "祝您节日快乐中国移动"
    assert reach(talk, "c-1") == ""
    assert state(talk, "c-1") == "sent"


def test_at_night_it_is_held_and_counts_for_the_month_it_is_sent_in() -> None:
    talk = Conversation(start="2026-03-31 23:00")
    assert reach(talk, "c-1") == ""
    assert state(talk, "c-1") == "held"
    assert reach(talk, "c-2") == "monthly_cap"
    talk.play(
        """
        @ 2026-04-01 06:59:59
        <
        @ 2026-04-01 07:00
        < [10086888 care] 祝您节日快乐中国移动
        """
    )
    assert state(talk, "c-1") == "sent"
    assert reach(talk, "c-3") == "monthly_cap"


@pytest.mark.parametrize(("start", "expected"), [("2026-03-02 21:59:59", "sent"), ("2026-03-02 22:00", "held")])
def test_the_edge_of_the_night(start: str, expected: str) -> None:
    talk = Conversation(start=start)
    reach(talk, "c-1")
    assert state(talk, "c-1") == expected


def test_a_failed_message_does_not_count_for_the_month() -> None:
    talk = Conversation()
    talk.play("! refusing")
    reach(talk, "c-1")
    assert state(talk, "c-1") == "failed"
    talk.play("! taking")
    assert reach(talk, "c-2") == "祝您节日快乐中国移动"


def test_marketing_needs_consent_and_says_how_to_opt_out() -> None:
    talk = Conversation()
    assert reach(talk, "m-1", MARKETING) == "no_consent"
    talk.happens(GiveConsent("api:shop", "营业厅签字"))
    assert [record.kind for record in talk.evidence] == ["consent-given"]
    assert "营业厅签字" in (talk.evidence[0].payload or "")
    assert reach(talk, "m-2", MARKETING, "新套餐优惠。") == "新套餐优惠。拒收请回复TD至10086888。中国移动"
    assert reach(talk, "m-3", MARKETING) == "monthly_cap"
    assert reach(talk, "c-1", CARE) == "祝您节日快乐中国移动", "an offer takes no greeting's place"


def test_with_a_single_number_marketing_names_no_opt_out_word() -> None:
    talk = Conversation(carrier=ProviderTraits("one", single_number=True))
    talk.happens(GiveConsent("api:shop", "网上"))
    assert reach(talk, "m-1", MARKETING) == "祝您节日快乐中国移动"


@pytest.mark.parametrize(
    "word",
    ["TD", "t", "退订", "退訂", "Ｔ Ｄ", "R", "n", "QX", "Q X", "RR", "N退订", "拒收", "取消", "STOP", "Unsubscribe", "T。", "TD退订", "T退订", "tdtd", "QX退订",
     "退订谢谢", "退订1", "退订全部", "退订天气", "拒收广告", "取消吧", "stop it", "STOP ALL", "TD 谢谢", "T,谢谢", "R&B", "N 不要了", "TD\n发自我的iPhone",
     "TD\n谢谢", "QX#QX", "“TD”", "退订CXYZ", "退订业务", "退订音乐盒"],
)  # fmt: skip
def test_an_opt_out_withdraws_the_consent(word: str) -> None:
    talk = Conversation(start="2026-03-02 23:00")
    talk.happens(GiveConsent("api:shop", "网上"))
    reach(talk, "m-1", MARKETING)
    [reply] = talk.text(word, "10086888")
    assert "退订营销短信" in reply.text
    assert (reply.number, reply.kind) == ("10086888", "result")
    assert state(talk, "m-1") == "recalled"
    talk.play("@ 2026-04-02 10:00\n<")
    assert reach(talk, "m-2", MARKETING) == "no_consent"
    withdrawn = talk.evidence[-1]
    assert withdrawn.kind == "consent-withdrawn"
    assert "网上" in (withdrawn.payload or "")
    assert reply.text in (withdrawn.payload or ""), "the reply is part of the evidence"


def test_care_still_comes_after_an_opt_out() -> None:
    talk = Conversation(start="2026-03-02 23:00")
    reach(talk, "c-1", CARE)
    talk.text("TD", "10086888")
    assert state(talk, "c-1") == "held"
    talk.play("@ 2026-03-03 07:00\n< [10086888 care] 祝您节日快乐中国移动")


def test_an_opt_out_without_a_consent_says_so_and_changes_nothing() -> None:
    talk = Conversation()
    [reply] = talk.text("TD", "10086888")
    assert "没有同意接收营销短信的记录" in reply.text
    assert talk.evidence == []
    assert talk.account.records_of(MarketingConsent) == ()


def test_other_words_to_the_number_of_marketing_are_commands() -> None:
    Conversation().play("> [10086888] 0000\n< [10086977] …1、彩铃5元/月…\n> [10086888] QXCL\n< [10086977] …彩铃…退订…")


def test_a_consent_can_be_withdrawn_by_a_call_and_given_again() -> None:
    talk = Conversation()
    talk.happens(GiveConsent("api:shop", "网上"))
    assert talk.happens(WithdrawConsent("api:shop")) == []
    talk.happens(WithdrawConsent("api:shop"))
    assert [record.kind for record in talk.evidence] == ["consent-given", "consent-withdrawn"]
    assert reach(talk, "m-1", MARKETING) == "no_consent"
    talk.happens(GiveConsent("api:shop", "热线"))
    assert reach(talk, "m-2", MARKETING) != "no_consent"


def test_a_number_without_a_customer_is_skipped_and_cannot_consent() -> None:
    talk = Conversation(subscriber=None, has=())
    assert reach(talk, "c-1") == "not_a_customer"
    for stimulus in (GiveConsent("api:shop", "网上"), WithdrawConsent("api:shop")):
        talk.happens(stimulus)
        assert talk.outcome.refusal is not None
        assert talk.outcome.refusal.reason is RefusalReason.UNKNOWN_SUBSCRIBER


@pytest.mark.parametrize(
    "text",
    [
        "退订彩铃",
        "退订CL",
        "取消，彩铃",
        "STOP CL",
        "stop 彩铃。",
        "UNSUBSCRIBE 彩铃",
        "TD 彩铃",
        "QX CL",
        "TD\n彩铃",
        "TD+CL",
    ],
)
def test_a_service_that_is_named_is_ended_as_well(text: str) -> None:
    talk = Conversation()
    talk.happens(GiveConsent("api:shop", "网上"))
    came = talk.text(text, "10086888")
    assert [(message.number, message.kind) for message in came] == [("10086888", "result"), ("10086977", "result")]
    assert talk.ended() == {"CL"}
    assert reach(talk, "m-1", MARKETING) == "no_consent"
    came = talk.text(text, "10086888")
    assert [message.number for message in came] == ["10086888"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("QXCL", "10086977"), ("TD彩铃", "10086977"), ("0000", "10086977"), ("TS 乱扣费", "10086"), ("TS乱扣费", "10086"),
        ("我要退订", "10086977"), ("NO", "10086"), ("是", "10086"), ("T恤", "10086"), ("YE", "10086"), ("RN", "10086"), ("1", "10086"),
    ],
)  # fmt: skip
def test_other_texts_to_the_number_of_marketing_mean_what_they_mean_anywhere(text: str, number: str) -> None:
    talk = Conversation()
    talk.happens(GiveConsent("api:shop", "网上"))
    came = talk.text(text, "10086888")
    assert [message.number for message in came] == [number]
    assert [record.kind for record in talk.evidence if record.kind == "consent-withdrawn"] == []


def test_an_opt_out_beyond_the_rate_limit_waits() -> None:
    talk = Conversation()
    talk.happens(GiveConsent("api:shop", "网上"))
    for _ in range(31):
        talk.text("YE")
    talk.play("> [10086888] 拒收\n<\n@ +61s\n< [10086888 result] 您已成功退订营销短信…")


def test_at_other_numbers_these_words_are_no_opt_out() -> None:
    for text in ("拒收", "R", "N", "T", "TD退订"):
        talk = Conversation()
        talk.happens(GiveConsent("api:shop", "网上"))
        talk.text(text)
        assert [record.kind for record in talk.evidence] == ["consent-given"]
