"""Imports revive nothing, and make nothing worse for the subscriber (safety.md 3, 8)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.commands.accounts.import_lines import Imported, ImportSubscription
from app.domain.catalogue import Billing, CancelEffect, Service
from app.domain.orders import Order
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import FREE_PERIOD, Channel, Subscription, SubscriptionState
from tests.commands.orders.test_new_terms import announced
from tests.commands.orders.test_orders import BY_NAME, WITH_TRIAL, catalogue
from tests.commands.refusals import CONFLICT, INVALID
from tests.commands.transcript import Conversation
from tests.commands.world import FOUR, SUBSCRIBER, has, shanghai

ACTIVE, ON_TRIAL = SubscriptionState.ACTIVE, SubscriptionState.TRIAL
IMPORT = ImportSubscription(
    "api:crm", "CL", ACTIVE, in_plan=False, started_at=shanghai("2025-06-01 10:00"), channel=Channel.SMS
)
OF_TRIAL = replace(IMPORT, service_code="TQ", state=ON_TRIAL, trial_ends_at=shanghai("2026-03-20 10:00"))


def line(code: str, as_of: str | datetime | None = None, **given: object) -> ImportSubscription:
    """Return a line about a service that began at ``as_of``, unless ``started_at`` is given."""
    said = shanghai(as_of) if isinstance(as_of, str) else as_of
    until = given.pop("until", None)
    fields = {
        "started_at": said or IMPORT.started_at,
        "trial_ends_at": shanghai(str(until)) if until else None,
        **given,
    }
    return replace(IMPORT, service_code=code, as_of=said, **fields)  # type: ignore[arg-type]


def after_import(history: str, *lines: ImportSubscription, **given: object) -> Conversation:
    """Play a transcript, then import the lines."""
    conversation = Conversation(**{"has": FOUR, "catalogue": WITH_TRIAL, **given}).play(history)  # type: ignore[arg-type]
    for imported in lines:
        conversation.happens(imported)
    return conversation


def kept_by(conversation: Conversation) -> tuple[str, ...]:
    assert isinstance(conversation.outcome.result, Imported)
    return conversation.outcome.result.kept


def refused(conversation: Conversation) -> RefusalReason | None:
    return conversation.outcome.refusal.reason if conversation.outcome.refusal else None


def running(conversation: Conversation, code: str) -> Subscription:
    """Return the running subscription to a service."""
    found = conversation.account.running_subscription(code, conversation.now)
    assert found is not None, f"she does not have {code}"
    return found


def test_an_import_takes_over_what_exists() -> None:
    lines = (IMPORT, OF_TRIAL, replace(IMPORT, service_code="LD", in_plan=True), line("YYH", price_fen=250))
    conversation = after_import("", *lines, has=())
    before = conversation.account.subscriptions
    for again in lines:
        conversation.happens(again)
        assert (conversation.outcome.verdict, kept_by(conversation)) == ("as before", ())
    assert conversation.account.subscriptions == before
    assert [record.kind for record in conversation.evidence] == ["import"] * 4
    conversation.play(
        """
        > 0000
        < …1、彩铃5元/月；2、音乐盒2.50元/月；…3、天气预报(墨迹)2元/月，免费体验至03月20日；…
        < …4、来电提醒0元(套餐内)；…
        > 查1
        < 彩铃于2025年06月01日通过短信开通，2026年03月02日由原系统转入…
        """
    )


# ---- ended and declined services

ORDERED, ORDERED_TRIAL = "> KTYS\n> [1008620400] 是", "> KTZQ\n> [1008620400] 是"
DECLINED_TRIAL = f"{ORDERED_TRIAL}\n@ 2026-03-06 10:00\n> [1008620401] 否"
# The transcript, how time passes then, the service, and when it was ended or declined, in words or by silence.
NOES = [
    ("> QXCL", "+1h", "CL", "2026-03-02 10:00"),
    ("> QXSJB", "2026-04-01 10:00", "SJB", "2026-03-31 23:59:59"),
    (ORDERED_TRIAL, "2026-03-09 10:00:01", "ZQ", "2026-03-09 10:00"),
    (DECLINED_TRIAL, "+1h", "ZQ", "2026-03-06 10:00"),
    (DECLINED_TRIAL, "2026-03-10 10:00", "ZQ", "2026-03-09 10:00"),
    ("> KTYS\n> [1008620400] 否", "+1h", "YS", "2026-03-02 10:00"),
    ("> KTYS\n> [1008620400] 再想想", "+3d", "YS", "2026-03-02 10:00"),
    ("> KTYS", "+25h", "YS", "2026-03-03 10:00"),
    ("> QXSJB\n> KTSJB\n> [1008620400] 否", "2026-04-02 10:00", "SJB", "2026-03-31 23:59:59"),
]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("state", [ACTIVE, ON_TRIAL])
@pytest.mark.parametrize("before", [timedelta(), timedelta(seconds=1)])
@pytest.mark.parametrize(("history", "wait", "code", "moment"), NOES)
def test_an_import_never_revives_what_ended_or_was_declined_since(
    history: str, wait: str, code: str, moment: str, before: timedelta, state: SubscriptionState, *, late: bool
) -> None:
    """The same instant counts as well, as nobody knows which came first."""
    conversation = after_import(history)
    if late:
        conversation.timers.clear()
    conversation.play(f"@ {wait}")
    has_now = conversation.account.subscriptions
    wanted = line(code, shanghai(moment) - before, state=state, until="2026-06-01 10:00")
    for reason, as_of in ((CONFLICT, wanted.as_of), (INVALID, None)):
        conversation.happens(replace(wanted, as_of=as_of))
        assert (refused(conversation), conversation.account.subscriptions) == (reason, has_now)


@pytest.mark.parametrize(("answer", "wait"), [("> [1008620400] 否", "+1d"), ("", "2026-04-01 00:00:01")])
def test_an_import_never_revives_what_ended_without_a_yes_to_new_terms(answer: str, wait: str) -> None:
    conversation = announced(900).play(f"{answer}\n@ +1d\n@ {wait}")
    conversation.happens(line("CL", "2026-03-02 09:00"))
    assert refused(conversation) == CONFLICT
    conversation.play("@ 2026-04-02 10:00\n= CL ended")
    for wanted, reason in (
        (line("CL", "2026-03-31 23:59"), CONFLICT),
        (line("CL", "2026-04-02 09:00", price_fen=900), CONFLICT),
        (line("CL", "2026-04-02 09:00"), None),
    ):
        conversation.happens(wanted)
        assert refused(conversation) == reason
    assert running(conversation, "CL").terms.price_fen == 500


@pytest.mark.parametrize(
    ("history", "given"),
    [
        ("! refusing\n> KTYS\n! taking", {}),
        ("> KTYS", {"subscriber": replace(SUBSCRIBER, balance_fen=0)}),
        (f"{ORDERED}\n> KTYS", {}),
    ],
)
def test_an_order_that_was_undeliverable_or_refused_is_not_declined(history: str, given: dict[str, object]) -> None:
    conversation = after_import(history, line("YS"), **given)
    assert any(isinstance(order, Order) for order in conversation.account.records[Order].values())
    assert refused(conversation) is None


def test_what_another_system_began_after_the_end_is_new() -> None:
    # It has a new id, so a pick from an old list does not name it.
    conversation = after_import("> 0000\n> 1\n@ +1h", line("CL", "2026-03-02 10:30"))
    conversation.play("> [10086977] 1\n< 彩铃此前已退订…\n> 0000\n> 2\n< [10086977 result] 彩铃…")


@pytest.mark.parametrize("began", ["2025-12-01 10:00", "2026-03-02 10:00"])
def test_a_line_that_began_before_the_end_is_about_the_ended_service(began: str) -> None:
    """The other system has not heard of the unsubscribe, however new the line is."""
    conversation = after_import("> QXCL\n@ +1h", line("CL", "2026-03-02 10:30", started_at=shanghai(began)))
    assert (refused(conversation), conversation.states()["CL"]) == (CONFLICT, "ended")


NO, ORDER_EXPIRED = "> KTYS\n> [1008620400] 不要", "> KTYS\n@ +24h"
NO_IN_TIME = shanghai("2026-03-03 10:00")


@pytest.mark.parametrize(
    ("history", "no"),
    [
        (NO, shanghai("2026-03-02 10:00")),
        (ORDER_EXPIRED, NO_IN_TIME),
        (f"{NO}\n@ +1h\n{ORDER_EXPIRED.replace('00]', '01]')}", NO_IN_TIME + timedelta(hours=1)),
        (f"{ORDER_EXPIRED}\n@ +1h\n{NO.replace('00]', '01]')}", NO_IN_TIME + timedelta(hours=1)),
    ],
)
@pytest.mark.parametrize("began", [timedelta(days=-90), timedelta(seconds=-1), timedelta(), timedelta(minutes=30)])
def test_a_declined_service_begins_no_earlier_than_the_no(history: str, no: datetime, began: timedelta) -> None:
    """Then no earlier month is charged, and the free hours do not end before they begin."""
    conversation = after_import(f"{history}\n@ +1h")
    brings = line("YS", no + timedelta(minutes=30), started_at=no + began)
    kept = ("started_at",) if began < timedelta() else ()
    for _ in range(2):
        conversation.happens(brings)
        assert (refused(conversation), kept_by(conversation)) == (None, kept)
        held = running(conversation, "YS")
        assert held.started_at == no + max(began, timedelta())
        assert held.free_until == held.started_at + FREE_PERIOD
    assert [record.kind for record in conversation.evidence].count("import") == 1


def test_an_ending_service_stays_ending() -> None:
    for as_of in (None, "2026-03-02 09:59", "2026-03-02 10:30"):
        conversation = after_import("> QXSJB\n@ +1h", line("SJB", as_of))
        assert (refused(conversation), conversation.states()["SJB"]) == (CONFLICT, "ending 2026-03-31")


def test_an_import_ends_an_old_subscription_whose_timer_is_late() -> None:
    conversation = after_import("> QXSJB")
    late = dict(conversation.timers)
    conversation.timers.clear()
    conversation.play("@ 2026-04-02 10:00").happens(line("SJB", "2026-04-02 09:00"))
    assert sorted(item.state for item in conversation.account.subscriptions.values() if item.service_code == "SJB") == [
        "active",
        "ended",
    ]
    conversation.timers = late
    conversation.play("@ +1s\n> 0000\n< …手机报(新华)3元/月；…")
    assert [record.kind for record in conversation.evidence] == ["unsubscribe", "subscription-ended", "import"]


@pytest.mark.parametrize("answer", ["是", "否"])
def test_nothing_is_imported_under_an_order_that_waits(answer: str) -> None:
    conversation = after_import("> KTYS", line("YS"))
    assert refused(conversation) == CONFLICT
    conversation.play(f"> [1008620400] {answer}")
    assert ("YS" in conversation.states()) == (answer == "是")


# ---- terms of a service that begins again

LEFT, LATER = "> QXCL\n@ +1h", "2026-03-02 10:30"


def offering(**changed: object) -> Service:
    return replace(BY_NAME["CL"], **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("history", "offered", "price_fen", "agreed"),
    [
        (LEFT, offering(), 500, 500),
        (LEFT, offering(), 501, CONFLICT),
        (LEFT, offering(), 400, 400),
        (LEFT, offering(price_fen=900), None, 500),
        (LEFT, offering(price_fen=900), 900, CONFLICT),
        (LEFT, offering(price_fen=300), None, 300),
        (LEFT, offering(sp_code="XINHUA"), None, CONFLICT),
        (LEFT, offering(billing=Billing.PER_USE), None, CONFLICT),
        # A price that was declined does not count, whether before or after the last agreed one.
        ("> QXCL\n$900\n> KTCL\n> [1008620400] 否\n@ +1h", offering(price_fen=900), 900, CONFLICT),
        ("> QXCL\n$300\n> KTCL\n> [1008620400] 否\n@ +1h", offering(), 301, CONFLICT),
        (
            "> QXCL\n$300\n> KTCL\n> [1008620400] 否\n@ +1m\n> KTCL\n> [1008620401] 是\n> QXCL\n@ +1h",
            offering(),
            301,
            CONFLICT,
        ),
        (
            "> QXCL\n$300\n> KTCL\n> [1008620400] 否\n@ +1m\n$500\n> KTCL\n> [1008620401] 是\n> QXCL\n@ +1h",
            offering(),
            500,
            500,
        ),
    ],
)
def test_it_costs_no_more_than_was_agreed_last(
    history: str, offered: Service, price_fen: int | None, agreed: int | RefusalReason
) -> None:
    first, *rest = history.split("\n$")
    conversation = after_import(first)
    for step in rest:
        price, _, then = step.partition("\n")
        conversation.catalogue = catalogue(offering(price_fen=int(price)))
        conversation.play(then)
    conversation.catalogue = catalogue(offered)
    conversation.happens(line("CL", LATER, price_fen=price_fen))
    if agreed == CONFLICT:
        assert (refused(conversation), conversation.states()["CL"]) == (CONFLICT, "ended")
    else:
        assert (refused(conversation), running(conversation, "CL").terms.price_fen) == (None, agreed)


@pytest.mark.parametrize(("price_fen", "reason"), [(None, None), (550, None), (551, CONFLICT)])
def test_it_costs_no_more_than_the_declined_order(price_fen: int | None, reason: RefusalReason | None) -> None:
    conversation = after_import("> KTYS\n> [1008620400] 否\n@ +1h")
    conversation.catalogue = catalogue(replace(BY_NAME["YS"], price_fen=700))
    conversation.happens(line("YS", LATER, price_fen=price_fen))
    assert refused(conversation) == reason
    assert reason or running(conversation, "YS").terms.price_fen == 550


def test_it_is_never_slower_to_leave_nor_bound_for_longer() -> None:
    conversation = after_import(LEFT)
    conversation.catalogue = catalogue(offering(cancel_effect=CancelEffect.MONTH_END))
    conversation.happens(line("CL", LATER, contract_until=shanghai("2027-01-01 10:00")))
    assert refused(conversation) == CONFLICT
    conversation.happens(line("CL", LATER))
    assert running(conversation, "CL").terms.cancel_effect is CancelEffect.IMMEDIATE


@pytest.mark.parametrize("history", [f"{ORDERED_TRIAL}\n> QXZQ\n@ +1h", f"{ORDERED_TRIAL}\n@ 2026-03-10 10:00"])
def test_an_ended_trial_never_becomes_paid(history: str) -> None:
    conversation = after_import(history)
    as_of = conversation.now
    conversation.happens(line("ZQ", as_of))
    assert (refused(conversation), conversation.states()["ZQ"]) == (CONFLICT, "ended")
    # It may become a trial, whose end is asked about again.
    conversation.happens(line("ZQ", as_of, state=ON_TRIAL, until="2026-03-20 10:00"))
    assert (refused(conversation), running(conversation, "ZQ").state) == (None, ON_TRIAL)


def test_what_was_paid_after_its_trial_is_no_ended_trial() -> None:
    going_on = f"{ORDERED_TRIAL}\n@ 2026-03-06 10:00\n> [1008620401] 是\n@ 2026-03-10 10:00\n= ZQ active\n> QXZQ\n@ +1h"
    assert refused(after_import(going_on, line("ZQ", "2026-03-10 10:30"))) is None


def test_what_was_in_the_plan_never_becomes_paid() -> None:
    conversation = after_import("> QXLD\n@ +1h", line("LD", LATER), has=(has("LD", in_plan=True),))
    assert (refused(conversation), conversation.states()) == (CONFLICT, {"LD": "ended"})
    conversation.happens(line("LD", LATER, in_plan=True))
    assert running(conversation, "LD").in_plan


# ---- running services

TQ_ON_TRIAL = has("TQ", trial_until="2026-03-20 10:00")
UNDER_CONTRACT = has("CL", contract_until="2026-06-01 10:00")


@pytest.mark.parametrize(
    ("held", "wanted", "reason"),
    [
        (TQ_ON_TRIAL, line("TQ"), CONFLICT),
        (TQ_ON_TRIAL, replace(OF_TRIAL, trial_ends_at=None), INVALID),
        (TQ_ON_TRIAL, line("TQ", state=ON_TRIAL, until="2026-03-20 09:59"), CONFLICT),
        (TQ_ON_TRIAL, line("TQ", state=ON_TRIAL, until="2026-03-01 10:00"), RefusalReason.TRIAL_OVER),
        (TQ_ON_TRIAL, line("TQ", state=ON_TRIAL, until="2026-03-25 10:00"), None),
        (has("CL"), line("CL", state=ON_TRIAL, until="2026-02-01 10:00"), RefusalReason.TRIAL_OVER),
        (has("CL"), line("CL", state=ON_TRIAL, until="2026-04-01 10:00"), None),
        # A trial that ran out without a yes has ended, even if its timer is late.
        (has("TQ", trial_until="2026-03-01 10:00"), line("TQ"), INVALID),
        (has("TQ", trial_until="2026-03-01 10:00"), line("TQ", "2026-03-02 10:00"), CONFLICT),
        (has("CL", in_plan=True), IMPORT, CONFLICT),
        (has("CL"), line("CL", price_fen=501), CONFLICT),
        (has("CL"), line("CL", contract_until=shanghai("2027-01-01 10:00")), CONFLICT),
        (UNDER_CONTRACT, line("CL", contract_until=shanghai("2027-01-01 10:00")), CONFLICT),
        (UNDER_CONTRACT, line("CL", contract_until=shanghai("2026-05-01 10:00")), None),
        (UNDER_CONTRACT, IMPORT, None),
        (has("CL"), line("NEW"), RefusalReason.UNKNOWN_SERVICE),
        (has("CL"), line("CL", price_fen=499), None),
        (has("CL"), replace(IMPORT, in_plan=True), None),
        (has("CL"), line("CL", "2026-03-02 10:10"), None),
        (has("CL"), line("CL", "2026-03-02 10:11"), INVALID),
        (has("CL"), line("CL", started_at=shanghai("2026-03-03 10:00")), INVALID),
    ],
)
def test_an_import_makes_nothing_worse(
    held: Subscription, wanted: ImportSubscription, reason: RefusalReason | None
) -> None:
    conversation = after_import("", wanted, has=(held,))
    assert refused(conversation) == reason
    assert (conversation.account.subscriptions == {held.id: held}) == (reason is not None)
    not_ended = [
        item for item in conversation.account.subscriptions.values() if item.state is not SubscriptionState.ENDED
    ]
    assert len(not_ended) == 1


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize(
    ("started", "channel"),
    [("2025-01-01 10:00", Channel.WEB), ("2026-03-02 09:00", Channel.SMS), ("2026-03-02 10:30", Channel.AGENT)],
)
def test_no_start_moves_back_and_confirmed_fields_stay(started: str, channel: Channel, *, confirmed: bool) -> None:
    """Then the free 72 hours go on, and no earlier month can be charged."""
    began = line("YS", started_at=shanghai("2026-03-02 10:00"))
    conversation = after_import(ORDERED if confirmed else "", *(() if confirmed else (began,)))
    conversation.play("@ +1h")
    before, begins = running(conversation, "YS"), shanghai(started)
    conversation.happens(line("YS", "2026-03-02 10:45", started_at=begins, channel=channel))
    after, moved = running(conversation, "YS"), not confirmed and begins > before.started_at
    kept = (*(() if moved else ("started_at",)), *(("channel",) if confirmed and channel is not Channel.SMS else ()))
    assert (refused(conversation), kept_by(conversation)) == (None, kept)
    assert after.started_at == (begins if moved else before.started_at)
    assert after.free_until == after.started_at + FREE_PERIOD
    assert (after == before) == (confirmed or (channel is before.channel and not moved))
    assert ("import" in [record.kind for record in conversation.evidence[1:]]) == (after != before)


def test_a_confirmed_paid_service_becomes_no_trial() -> None:
    conversation = after_import(ORDERED, line("YS", state=ON_TRIAL, until="2026-04-01 10:00"))
    assert (refused(conversation), running(conversation, "YS").state) == (CONFLICT, ACTIVE)


@pytest.mark.parametrize(
    ("until", "reason"),
    [("2026-03-04 10:00", CONFLICT), ("2026-03-02 09:00", RefusalReason.TRIAL_OVER), ("2026-03-20 10:00", None)],
)
def test_a_confirmed_trial_only_gets_longer(until: str, reason: RefusalReason | None) -> None:
    conversation = after_import(ORDERED_TRIAL)
    before = running(conversation, "ZQ")
    conversation.happens(line("ZQ", state=ON_TRIAL, until=until))
    assert refused(conversation) == reason
    ends_at = before.trial_ends_at if reason else shanghai(until)
    assert running(conversation, "ZQ") == replace(before, trial_ends_at=ends_at)
    asked, over = ("2026-03-06 10:00", "2026-03-09 10:00") if reason else ("2026-03-17 10:00", "2026-03-20 10:00")
    conversation.play(f"@ {asked}\n< …足球快讯…\n@ {over}\n= ZQ trial\n@ +1s\n= ZQ ended")


def test_the_question_about_a_trial_follows_its_new_end() -> None:
    conversation = after_import(
        f"{ORDERED_TRIAL}\n@ 2026-03-07 10:00", line("ZQ", state=ON_TRIAL, until="2026-03-10 12:00")
    )
    conversation.play(
        """
        @ 2026-03-10 11:00
        > [1008620401] 是
        < [1008620400 confirmation] …足球快讯…03月10日12时00分…
        > [1008620400] 是
        < …足球快讯…
        @ 2026-03-10 12:00:01
        = ZQ active
        """
    )


def test_a_trial_with_the_same_end_is_not_asked_about_again() -> None:
    conversation = after_import(
        f"{DECLINED_TRIAL}\n@ +1h",
        line("ZQ", "2026-03-06 10:30", state=ON_TRIAL, price_fen=700, until="2026-03-09 10:00"),
    )
    assert (refused(conversation), running(conversation, "ZQ").terms.price_fen) == (None, 700)
    conversation.play("@ +1d\n<\n@ 2026-03-09 10:00:01\n= ZQ ended")
