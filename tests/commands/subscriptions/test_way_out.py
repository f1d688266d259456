"""The way out by SMS is part of the terms: a change of the service may open it, and never closes it (safety.md 3)."""

from dataclasses import replace
from itertools import product

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.domain.account import Language, Subscription
from app.domain.catalogue import Catalogue
from tests.commands.accounts.test_importing import line
from tests.commands.transcript import Conversation
from tests.commands.world import SUBSCRIBER, has

ELSEWHERE = "请到营业厅办理"


def put(conversation: Conversation, code: str, *, by_sms: bool) -> None:
    """Change whether a service can be ended by SMS, as a PUT does."""
    before = conversation.catalogue
    service = replace(before.services[code], cancellable_by_sms=by_sms, cancel_how=None if by_sms else ELSEWHERE)
    services = {**before.services, code: service.in_place_of(before.services[code], before.version, conversation.now)}
    conversation.catalogue = Catalogue.of(before.version + 1, list(before.providers.values()), list(services.values()))


def beginning(of: str, conversation: Conversation) -> Subscription:
    return replace(has(of), began_under=conversation.catalogue.version)


@pytest.mark.parametrize("changes", [bits for length in range(5) for bits in product([True, False], repeat=length)])
@pytest.mark.parametrize("began_after", range(5))
def test_what_could_be_left_by_sms_at_any_time_since_it_began_can_be(
    changes: tuple[bool, ...], began_after: int
) -> None:
    conversation = Conversation(has=())
    open_since_it_began, held = False, has("CL")
    for place, by_sms in enumerate((True, *changes)):
        put(conversation, "CL", by_sms=by_sms)
        if place == min(began_after, len(changes)):
            held = beginning("CL", conversation)
        open_since_it_began = by_sms or (open_since_it_began and place > began_after)
    assert held.can_be_left_by_sms(conversation.catalogue.services["CL"]) == open_since_it_began


WAYS = [
    "> 0000\n< …1、彩铃5元/月；…\n> [10086977] 1\n< …彩铃已于…退订…\n= CL ended",
    "> 0000\n> [10086] 1\n< …彩铃已于…退订…\n= CL ended",
    "> QXCL\n< [10086977 result] 彩铃已于…退订…\n= CL ended",
    "> 退订彩铃\n< [10086977 result] 彩铃已于…退订…\n= CL ended",
    "> 0000\n> [10086977] 全部\n< 您将退订以下4项业务：彩铃、…\n> [10086977] 是\n< 彩铃已于…退订…\n= CL ended",
    "> [10086888] 退订彩铃\n< …\n< [10086977 result] 彩铃已于…退订…\n= CL ended",
]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_out_by_sms_stays_open_to_who_had_it(way: str) -> None:
    conversation = Conversation()
    put(conversation, "CL", by_sms=False)
    conversation.play(way)
    assert all(ELSEWHERE not in sent.text for sent in conversation.sent)


def test_a_number_that_was_shown_means_its_service_also_after_the_change() -> None:
    conversation = Conversation().play("> 0000\n< …1、彩铃5元/月；…")
    put(conversation, "CL", by_sms=False)
    conversation.play("> [10086977] 1\n< …彩铃已于…退订…\n= CL ended")


def test_a_warning_that_was_asked_is_answered_also_after_the_change() -> None:
    conversation = Conversation(has=(has("FH"),)).play("> QXHDH\n< …副号…回复Y…")
    put(conversation, "FH", by_sms=False)
    conversation.play("> [10086977] Y\n< 和多号已于…退订…\n= FH ended")


def test_whose_order_comes_after_the_change_is_told_the_other_way_and_has_that() -> None:
    conversation = Conversation(has=())
    put(conversation, "CL", by_sms=False)
    conversation.play(
        """
        > KTCL
        < [1008620400] …退订方式：请到营业厅办理。…
        > [1008620400] 是
        < …成功订购彩铃…退订方式：请到营业厅办理。…
        > 0000
        < …不可短信退订：彩铃(5元/月)，请到营业厅办理；…
        > QXCL
        < …彩铃不能短信退订，请到营业厅办理；…
        = CL active
        """
    )


def test_an_order_asked_before_the_change_and_confirmed_after_it_is_asked_anew() -> None:
    conversation = Conversation(has=()).play("> KTCL\n< [1008620400] …退订发送0000到10086。…")
    put(conversation, "CL", by_sms=False)
    conversation.play("> [1008620400] 是\n< [1008620401] …退订方式：请到营业厅办理。…")
    assert conversation.states() == {}
    conversation.play("> [1008620401] 是\n< …\n> QXCL\n< …不能短信退订…\n= CL active")


def test_a_yes_before_the_change_keeps_the_way_that_was_named() -> None:
    conversation = Conversation(has=()).play("> KTCL\n> [1008620400] 是\n= CL active")
    put(conversation, "CL", by_sms=False)
    conversation.play("> QXCL\n< 彩铃已退订…\n= CL ended\n> KTCL\n< …退订方式：请到营业厅办理。…")


ORDERED, REFUSED, LEFT = "> KTCL\n> [1008620400] 是", "> KTCL\n> [1008620400] 否", "> QXCL\n= CL ended"
# What she has by an import, what happens before and after the change, and whether SMS ends it when it comes again.
FORMER = [
    ((has("CL"),), LEFT, "", True),
    ((has("CL"),), "", LEFT, True),
    ((has("CL"),), "", "", True),
    ((has("CL"),), LEFT, REFUSED, True),
    ((has("CL"),), LEFT, ORDERED, False),
    ((), f"{ORDERED}\n{LEFT}", "", True),
    ((), ORDERED, LEFT, True),
    ((), "", ORDERED, False),
    ((), "", "", False),
]


@pytest.mark.parametrize(("had", "before", "after", "by_sms"), FORMER)
def test_what_is_imported_again_has_the_way_out_that_she_had_last(
    had: tuple[Subscription, ...], before: str, after: str, *, by_sms: bool
) -> None:
    conversation = Conversation(has=had).play(before)
    put(conversation, "CL", by_sms=False)
    conversation.play(f"@ +1d\n{after}\n@ +1h").happens(AgentUnsubscribe("agent:a", "CL", "she called"))
    conversation.play("@ +1h").happens(line("CL", conversation.now))
    conversation.play(
        "= CL active\n> QXCL\n< 彩铃已…\n= CL ended"
        if by_sms
        else "> QXCL\n< …彩铃不能短信退订，请到营业厅办理；…\n= CL active"
    )


@pytest.mark.parametrize("language", Language)
def test_what_is_kept_keeps_its_way_out(language: Language) -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=language), has=(has("HT"),))
    conversation.play("> QXHT\n= HT ending 2026-03-03")
    put(conversation, "HT", by_sms=False)
    conversation.text("KTHT")
    assert "0000" in conversation.sent[-1].text
    conversation.text("是", "1008620400")
    assert "0000" in conversation.sent[-1].text
    conversation.play("= HT active\n> QXHT\n= HT ending 2026-03-03")


def test_an_english_listing_says_the_same() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN), has=(has("CL"), has("HT")))
    put(conversation, "CL", by_sms=False)
    conversation.play("> 0000\n< …1、彩铃 CNY5/month；2、和娱乐 CNY3/month；…")
