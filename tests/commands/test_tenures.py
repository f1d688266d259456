"""Texts, facts and messages of a former customer never reach the present one (safety.md 1)."""

from datetime import timedelta

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.outreach.campaigns import SendCampaignMessage
from app.commands.tickets.dead_letters import give_up
from app.commands.tickets.resending import Resend
from app.domain.account import SubscriberStatus
from app.domain.limits import Limits
from app.domain.messages import MessageClass
from app.domain.refusals import RefusalReason
from app.domain.turn import Outcome, TextReceived, TimerDue, Turn, apply
from app.domain.values import replace
from tests.commands.charges.charging import announce
from tests.commands.transcript import Conversation, policy
from tests.commands.world import FOUR, SUBSCRIBER, shanghai

BEGAN = shanghai("2026-03-02 09:00")
SECOND = replace(SUBSCRIBER, tenure=2, created_at=BEGAN)
CLOSE = SetSubscriber("api:crm", frozenset({"status"}), create=False, status=SubscriberStatus.CLOSED)
OPEN = SetSubscriber("api:crm", frozenset({"balance_fen"}), create=True, balance_fen=3000)
DEMO = policy(auto_create_subscribers=True)
A_MOMENT = timedelta(microseconds=1)
TEXTS = (
    "QXCL", "0000", "1", "全部", "是", "否", "8366", "TS 我的地址是东街一号", "XGMM#123321#246813#246813", "KTYYH", "YE",
    "退订", "13900000001*恭喜发财", "什么", "",
)  # fmt: skip
NUMBERS = ("10086", "10086977", "1008620400", "10086901", "10086888", "10086999", "10086555")


def asked_everything(**fields: object) -> Conversation:
    """Return a conversation with an open list, order and fee reminder."""
    talk = Conversation(has=FOUR, **{"subscriber": SECOND, **fields}).play("> 0000\n> KTYYH")  # type: ignore[arg-type]
    announce(talk, "c-1", "CL", 500, "2026-03-10 12:00")
    return talk


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_from_before_the_tenure_is_only_recorded(text: str, number: str) -> None:
    talk = asked_everything()
    before, chain, timers, sent = talk.account, len(talk.evidence), dict(talk.timers), len(talk.sent)
    for stamped_at in (BEGAN - A_MOMENT, BEGAN - timedelta(days=300)):
        for kept in (False, True):
            talk.happens(TextReceived("old", number, text, text, talk.now, kept=kept, stamped_at=stamped_at))
            assert (talk.outcome.verdict, talk.outcome.former_tenure) == ("former customer", 1)
    assert talk.account == before
    assert (len(talk.evidence), talk.timers, len(talk.sent)) == (chain, timers, sent)


@pytest.mark.parametrize("stamped_at", [BEGAN, BEGAN + A_MOMENT, None])
def test_a_text_from_within_the_tenure_counts(stamped_at: object) -> None:
    talk = asked_everything()
    talk.text("QXCL", stamped_at=stamped_at)  # type: ignore[arg-type]
    assert talk.ended() == {"CL"}


def test_a_first_tenure_has_no_beginning() -> None:
    talk = asked_everything(subscriber=SUBSCRIBER)
    talk.text("QXCL", stamped_at=shanghai("2019-01-01 10:00"))
    assert talk.ended() == {"CL"}


@pytest.mark.parametrize("demo", [False, True])
def test_a_text_from_before_the_number_was_given_up_creates_no_customer(demo: bool) -> None:  # noqa: FBT001  a table
    talk = Conversation(policy=DEMO if demo else policy())
    talk.play("@ +1h")
    talk.happens(CLOSE)
    talk.play("@ +1h")
    before = talk.account
    assert talk.text("0000", stamped_at=talk.now - timedelta(hours=1, microseconds=1)) == []
    assert (talk.outcome.former_tenure, talk.account) == (1, before)
    [said] = talk.text("0000", stamped_at=talk.now - timedelta(minutes=59))
    assert ("非本网号码" in said.text, "目前没有" in said.text) == (not demo, demo)


def test_a_tenure_created_by_a_text_begins_when_it_was_sent() -> None:
    talk = Conversation(policy=DEMO)
    talk.happens(CLOSE)
    talk.play("@ +1h")
    for minute in (10, 11):
        assert talk.text("YE", stamped_at=shanghai(f"2026-03-02 10:{minute}"))
    assert talk.text("YE", stamped_at=shanghai("2026-03-02 09:59")) == []


@pytest.mark.parametrize("opens", ["put", "first contact"])
@pytest.mark.parametrize(
    "limits",
    [
        Limits(misunderstood=(shanghai("2026-03-02 10:00"),) * 5),
        Limits(minute_began=shanghai("2026-03-02 10:00"), in_minute=99, told_too_many=True),
        Limits(segments=((int(shanghai("2026-03-02 10:00").timestamp()) // 60, 200),)),
    ],
)
def test_a_new_customer_starts_with_new_limits(limits: Limits, opens: str) -> None:
    talk = Conversation(policy=DEMO)
    talk.happens(CLOSE)
    talk.account = replace(talk.account, limits=limits)
    if opens == "put":
        talk.happens(OPEN)
        assert talk.account.limits == Limits()
    [said] = talk.text("什么")
    assert "0000" in said.text


def test_a_former_customers_dead_letter_opens_no_ticket_and_is_not_apologised_for() -> None:
    talk = asked_everything()
    received = TextReceived("old", "10086", "TS 慢", "TS 慢", talk.now, stamped_at=BEGAN - A_MOMENT)
    turn = Turn(
        received, talk.account, talk.catalogue, talk.policy, talk.carrier, talk.now, talk.now, talk.ids, talk.randbelow
    )
    outcome = give_up(turn)
    assert (outcome.replies, outcome.records, outcome.former_tenure) == ((), (), 1)


def test_no_message_is_sent_to_a_number_that_was_given_up() -> None:
    talk = asked_everything().play("> DZXXSF\n> KTYLTX\n> TS 慢\n@ 2026-03-02 21:59")
    announce(talk, "c-2", "SJB", 300, "2026-03-12 12:00")
    timers = list(talk.timers.values())
    assert timers
    talk.happens(CLOSE)
    for timer in timers:
        assert talk.happens(TimerDue(timer.kind, timer.subject, timer.due_at, timer.data)) == [], timer


@pytest.mark.parametrize("opened", [False, True])
def test_a_message_to_a_former_customer_is_not_sent_again(opened: bool) -> None:  # noqa: FBT001  a table
    talk = Conversation()
    talk.happens(CLOSE)
    if opened:
        talk.happens(OPEN)
    valid_until = talk.now + timedelta(hours=72)
    assert talk.happens(Resend(1, "您的余额", "", MessageClass.RESULT, valid_until, None, None)) == []
    assert talk.outcome.refusal is not None
    assert (talk.outcome.refusal.reason, "former customer" in talk.outcome.refusal.detail) == (
        RefusalReason.FORMER_CUSTOMER,
        True,
    )


@pytest.mark.parametrize(("made_at", "reached"), [(BEGAN - A_MOMENT, False), (BEGAN, True)])
def test_a_campaign_reaches_only_who_had_the_number_when_it_was_made(made_at: object, *, reached: bool) -> None:
    talk = Conversation(subscriber=SECOND)
    sent = talk.happens(SendCampaignMessage("c", MessageClass.CARE, "祝您节日快乐", made_at))  # type: ignore[arg-type]
    assert bool(sent) == reached
    assert (talk.outcome.result is None) == reached


def test_the_evidence_of_a_former_customer_is_not_loaded() -> None:
    talk = Conversation().play("> DZXXSF")
    account = talk.account.with_evidence(tuple(talk.evidence))
    assert account.evidence
    assert apply(account, Outcome(subscriber=SECOND)).evidence == ()
