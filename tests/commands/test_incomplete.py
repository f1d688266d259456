"""A text with missing parts is no command and no answer (delivery.md 6)."""

import pytest

from app.commands.outreach.consent import opt_out
from app.commands.tickets.complaints import ComplaintHandler, complain
from app.commands.tickets.spam_reports import report_spam
from app.domain.account import Language
from app.domain.consents import MARKETING, MarketingConsent
from app.domain.spam import SpamReport
from app.domain.tickets import Ticket
from app.domain.values import replace
from tests.commands.transcript import Conversation, registry
from tests.commands.world import SUBSCRIBER

TOLD = "未收全"
NUMBERS = ["10086", "10086977", "10086204", "1008620455", "10086901", "10086888", "10086123"]


def state(conversation: Conversation) -> object:
    account = conversation.account
    return account.subscriptions, account.questions, account.records, account.subscriber


@pytest.mark.parametrize("to", NUMBERS)
@pytest.mark.parametrize("text", ["0000", "1111", "QXCL", "KTYYH", "1", "1,2", "全部", "是", "Y", "NO", "否", "8366", "你好", "", "查1"])  # fmt: skip
def test_an_incomplete_text_changes_nothing_and_the_reply_says_so(text: str, to: str) -> None:
    conversation = Conversation()
    conversation.text("0000")
    before = state(conversation)
    [sent] = conversation.text(text, to, missing=1)
    assert TOLD in sent.text
    assert sent.number == ("10086" if to in ("10086204", "10086123") else to)
    assert state(conversation) == before
    assert conversation.outcome.verdict == "incomplete"
    assert conversation.outcome.evidence == ()


def test_at_a_confirmation_number_an_incomplete_text_neither_confirms_nor_declines() -> None:
    conversation = Conversation(has=())
    [asked] = conversation.text("KTSJB")
    for text in ("是", "否", "不要了", "0000"):
        [told] = conversation.text(text, asked.number, missing=2)
        assert (told.number, TOLD in told.text) == (asked.number, True)
    conversation.text("是", asked.number)
    assert any(item.service_code == "SJB" for item in conversation.account.subscriptions.values())


def test_an_incomplete_text_does_not_confirm_all() -> None:
    conversation = Conversation()
    conversation.text("0000")
    conversation.text("全部", "10086977")
    before = state(conversation)
    for text in ("是", "1", "否", "全部"):
        assert TOLD in conversation.text(text, "10086977", missing=1)[0].text
    assert state(conversation) == before


@pytest.mark.parametrize("text", ["TS 你们乱扣费我要", "投诉 乱扣费我要"])
def test_an_incomplete_complaint_is_recorded_as_incomplete(text: str) -> None:
    conversation = Conversation()
    conversation.text(text, missing=1)
    [ticket] = conversation.account.records_of(Ticket)
    assert "乱扣费我要" in ticket.text
    assert "未收全" in ticket.text


def test_the_text_that_an_empty_ts_asked_for_may_be_incomplete() -> None:
    conversation = Conversation()
    conversation.text("TS")
    for text in ("是", "1"):
        assert TOLD in conversation.text(text, missing=1)[0].text
    conversation.text("你们乱扣费我要", missing=1)
    [ticket] = conversation.account.records_of(Ticket)
    assert ticket.text.startswith("你们乱扣费我要")
    assert conversation.text("你们乱扣费我要", missing=1)[0].text.count(TOLD) == 1


def test_a_spam_report_may_be_incomplete() -> None:
    conversation = Conversation()
    conversation.text("13900000001*恭喜您", "10086999", missing=3)
    assert len(conversation.account.records_of(SpamReport)) == 1


def test_opting_out_may_be_incomplete() -> None:
    conversation = Conversation()
    consent = MarketingConsent(MARKETING, conversation.now, "shop")
    conversation.account = conversation.account.with_records({MarketingConsent: {consent.id: consent}})
    conversation.text("TD", "10086888", missing=1)
    found = conversation.account.record(MarketingConsent, MARKETING)
    assert found is not None
    assert not found.is_open
    assert all(item.unsubscribed_at is None for item in conversation.account.subscriptions.values())


def test_no_other_function_takes_incomplete_texts() -> None:
    assert set(registry().incomplete) == {complain, ComplaintHandler, report_spam, opt_out}


def test_incomplete_texts_count_for_the_loop_guard() -> None:
    conversation = Conversation()
    told = [bool(conversation.text("0000", missing=1)) for _ in range(7)]
    assert told == [True] * 5 + [False] * 2
    assert conversation.text("0000")


def test_the_reply_is_in_the_language_of_the_subscriber() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN))
    assert "incomplete" in conversation.text("0000", missing=1)[0].text
