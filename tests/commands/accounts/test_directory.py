"""Calls of the management API that concern one subscriber (safety.md 1, 3, 8, 28; flows.md 17)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import AgentUnsubscribe, SetSubscriber
from app.commands.quiet_hours import hold
from app.domain.account import Brand, Language, SubscriberStatus
from app.domain.matters import Matter, MatterKind
from app.domain.messages import MessageClass, Reply
from app.domain.refusals import RefusalReason
from app.domain.turn import Stimulus, TimerDue, Turn
from tests.commands.transcript import Conversation, Sent
from tests.commands.world import FOUR, SUBSCRIBER, has, shanghai

ALL = frozenset({"brand", "vip", "payment", "balance_fen", "points", "status", "language", "plan"})
CLOSE = SetSubscriber("api:crm", frozenset({"status"}), create=False, status=SubscriberStatus.CLOSED)
PUT = SetSubscriber("api:crm", ALL, create=True, brand=Brand.GOTONE, balance_fen=100)


def refused(conversation: Conversation) -> RefusalReason | None:
    return conversation.outcome.refusal.reason if conversation.outcome.refusal else None


def test_a_subscriber_is_a_tenure_of_a_number() -> None:
    conversation = Conversation().play("> 0000\n> 全部")
    assert conversation.happens(CLOSE) == []
    assert conversation.outcome.tenure_ended
    assert set(conversation.states().values()) == {"ended"}
    assert [event.receiver for event in conversation.outcome.events] == ["sp:CMCC", "sp:CMCC", "sp:XINHUA", "sp:MOJI"]
    assert conversation.chain_is_whole()
    conversation.play("> [10086977] 1\n< [10086] 您好！您的号码非本网号码…")
    # Another PUT with closed changes nothing; any other change needs a new tenure.
    conversation.happens(CLOSE)
    assert refused(conversation) is RefusalReason.TENURE_CLOSED
    conversation.happens(replace(PUT, status=SubscriberStatus.CLOSED))
    assert conversation.outcome.verdict == "closed before"
    conversation.happens(PUT)
    subscriber = conversation.account.subscriber
    assert subscriber is not None
    assert (subscriber.tenure, subscriber.brand, subscriber.status) == (2, Brand.GOTONE, SubscriberStatus.ACTIVE)
    assert (conversation.account.subscriptions, conversation.account.questions) == ({}, {})
    conversation.play("> [10086977] 1\n< [10086] …未能识别…\n> 是\n< …\n> 0000\n< 尊敬的全球通客户，您好！您目前没有…")


def test_a_change_sets_only_the_given_fields() -> None:
    conversation = Conversation(subscriber=None, has=())
    patch = SetSubscriber("api:crm", frozenset({"points"}), create=False, points=7)
    conversation.happens(patch)
    assert refused(conversation) is RefusalReason.UNKNOWN_SUBSCRIBER
    conversation.happens(PUT)
    conversation.happens(patch)
    subscriber = conversation.account.subscriber
    assert subscriber is not None
    assert (subscriber.points, subscriber.balance_fen, subscriber.brand) == (7, 100, Brand.GOTONE)


@pytest.mark.parametrize("language", Language)
def test_a_password_is_set_only_where_none_is(language: Language) -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=language))
    given = SetSubscriber("api:crm", frozenset({"service_password"}), create=False, password_hash="$argon2id$one")
    (notice,) = conversation.happens(given)
    assert (notice.number, notice.kind) == ("10086", "notice")
    assert ("密码" in notice.text) == (language is Language.ZH)
    assert [(record.kind, "argon2" in (record.payload or "")) for record in conversation.evidence] == [
        ("password-set", False)
    ]
    assert conversation.happens(replace(given, password_hash="$argon2id$two")) == []
    assert refused(conversation) == RefusalReason.PASSWORD_SET
    assert conversation.account.subscriber is not None
    assert conversation.account.subscriber.password_hash == "$argon2id$one"


# ---- unsubscribe by an agent, and held messages


def test_an_agent_ends_a_service_and_the_customer_gets_a_notice() -> None:
    conversation = Conversation(has=(*FOUR, has("FH"), has("KD"), has("LD", contract_until="2027-01-01 10:00")))

    def agent(code: str) -> list[Sent]:
        return conversation.happens(AgentUnsubscribe("agent:7", code, "customer at the counter"))

    (notice,) = agent("SJB")
    assert (notice.number, notice.kind) == ("10086977", "notice")
    assert notice.text.startswith(
        "您好！客服人员已为您办理退订：手机报(新华)已退订，可用至03月31日，当月费用3元照常收取"
    )
    assert "customer at the counter" in (conversation.evidence[-1].payload or "")
    assert (agent("SJB"), conversation.outcome.verdict) == ([], "already ending")
    # A contract stops an agent; a cancel warning or a service that SMS cannot end does not.
    assert [len(agent(code)) for code in ("FH", "KD", "LD", "YYH", "NEW")] == [1, 1, 0, 0, 0]
    assert refused(conversation) == RefusalReason.NOT_SUBSCRIBED
    conversation.play("= FH ended, KD ending 2026-03-31, LD active, SJB ending 2026-03-31")


def test_a_held_message_comes_when_the_night_is_over() -> None:
    conversation = Conversation(start="2026-03-02 23:00")
    turn = Turn(
        TimerDue("x", "y", conversation.now), conversation.account, conversation.catalogue, conversation.policy,
        conversation.carrier, conversation.now, conversation.now, conversation.ids,
        conversation.randbelow,
    )  # fmt: skip
    reply = Reply(("（1/2）早", "（2/2）安"), "901", MessageClass.NOTICE, "question")
    timer = hold(reply, "held-1", turn)
    assert timer.due_at == shanghai("2026-03-03 07:00")
    outcome = conversation.router.run(
        replace(turn, stimulus=TimerDue(timer.kind, timer.subject, timer.due_at, timer.data))
    )
    assert outcome.replies == (reply,)


def test_a_stimulus_without_a_handler_is_an_error() -> None:
    conversation = Conversation()
    for stimulus in (TimerDue("no-such-timer", "x", conversation.now), Stimulus()):
        with pytest.raises(LookupError):
            conversation.happens(stimulus)


def test_held_messages_go_in_the_order_they_were_made() -> None:
    """They do not go in the order of their matters."""
    conversation = Conversation(start="2026-03-02 23:00")
    turn = Turn(
        TimerDue("x", "y", conversation.now), conversation.account, conversation.catalogue, conversation.policy,
        conversation.carrier, conversation.now, conversation.now, conversation.ids,
        conversation.randbelow,
    )  # fmt: skip
    first = hold(Reply(("z",), "901", MessageClass.NOTICE, None, Matter(MatterKind.SUSPENSION, "1")), "id-1", turn)
    second = hold(Reply(("a",), "901", MessageClass.NOTICE, None, Matter(MatterKind.CHARGE, "1")), "id-2", turn)
    assert (first.due_at, first.data) < (second.due_at, second.data)
