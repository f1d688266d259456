"""Unsubscribing by SMS is part of the terms: a change of the service may allow it, never take it away (safety.md 3)."""

from dataclasses import replace
from itertools import product

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.domain.account import Language
from app.domain.catalogue import Catalogue
from app.domain.subscriptions import Subscription
from tests.commands.accounts.test_importing import line
from tests.commands.transcript import Conversation
from tests.commands.world import SUBSCRIBER, has

ELSEWHERE = "请到营业厅办理"


def put(conversation: Conversation, code: str, *, by_sms: bool) -> None:
    """Change if a service can be unsubscribed by SMS, as a PUT of the service does."""
    before = conversation.catalogue
    service = replace(before.services[code], cancellable_by_sms=by_sms, cancel_how=None if by_sms else ELSEWHERE)
    services = {**before.services, code: service.replacing(before.services[code], before.version, conversation.now)}
    conversation.catalogue = Catalogue.of(before.version + 1, list(before.providers.values()), list(services.values()))


def begun_now(code: str, conversation: Conversation) -> Subscription:
    """A subscription that begins under the catalogue's current version."""
    return replace(has(code), began_under=conversation.catalogue.version)


@pytest.mark.parametrize("changes", [bits for length in range(5) for bits in product([True, False], repeat=length)])
@pytest.mark.parametrize("began_after", range(5))
def test_a_service_stays_cancellable_by_sms_if_it_ever_was_since_it_began(
    changes: tuple[bool, ...], began_after: int
) -> None:
    conversation = Conversation(has=())
    open_since_it_began, held = False, has("CL")
    for place, by_sms in enumerate((True, *changes)):
        put(conversation, "CL", by_sms=by_sms)
        if place == min(began_after, len(changes)):
            held = begun_now("CL", conversation)
        open_since_it_began = by_sms or (open_since_it_began and place > began_after)
    assert held.can_be_unsubscribed_by_sms(conversation.catalogue.services["CL"]) == open_since_it_began


TRANSCRIPTS = [
    "> 0000\n< …1、彩铃5元/月；…\n> [10086977] 1\n< …彩铃已于…退订…\n= CL ended",
    "> 0000\n> [10086] 1\n< …彩铃已于…退订…\n= CL ended",
    "> QXCL\n< [10086977 result] 彩铃已于…退订…\n= CL ended",
    "> 退订彩铃\n< [10086977 result] 彩铃已于…退订…\n= CL ended",
    "> 0000\n> [10086977] 全部\n< 您将退订以下4项业务：彩铃、…\n> [10086977] 是\n< 彩铃已于…退订…\n= CL ended",
    "> [10086888] 退订彩铃\n< …\n< [10086977 result] 彩铃已于…退订…\n= CL ended",
]


@pytest.mark.parametrize("transcript", TRANSCRIPTS)
def test_every_unsubscribe_by_sms_still_works_for_subscribers_from_before_the_change(transcript: str) -> None:
    conversation = Conversation()
    put(conversation, "CL", by_sms=False)
    conversation.play(transcript)
    assert all(ELSEWHERE not in sent.text for sent in conversation.sent)


def test_a_number_that_was_shown_still_ends_its_service_after_the_change() -> None:
    conversation = Conversation().play("> 0000\n< …1、彩铃5元/月；…")
    put(conversation, "CL", by_sms=False)
    conversation.play("> [10086977] 1\n< …彩铃已于…退订…\n= CL ended")


def test_a_warning_can_still_be_answered_after_the_change() -> None:
    conversation = Conversation(has=(has("FH"),)).play("> QXHDH\n< …副号…回复Y…")
    put(conversation, "FH", by_sms=False)
    conversation.play("> [10086977] Y\n< 和多号已于…退订…\n= FH ended")


def test_an_order_after_the_change_names_the_other_way_to_unsubscribe() -> None:
    conversation = Conversation(has=())
    put(conversation, "CL", by_sms=False)
    conversation.play(
        """
        > KTCL
        < [1008620400] …退订方式：请到营业厅办理。…
        > [1008620400] 是
        < …成功订购彩铃…退订方式：请到营业厅办理。…
        > 0000
        < …不可短信退订：彩铃(5元/月)，请到营业厅办理。…
        > QXCL
        < …彩铃不可短信退订，请到营业厅办理。…
        = CL active
        """
    )


def test_an_order_confirmed_after_a_change_since_its_question_is_asked_again() -> None:
    conversation = Conversation(has=()).play("> KTCL\n< [1008620400] …退订发送0000到10086。…")
    put(conversation, "CL", by_sms=False)
    conversation.play("> [1008620400] 是\n< [1008620401] …退订方式：请到营业厅办理。…")
    assert conversation.states() == {}
    conversation.play("> [1008620401] 是\n< …\n> QXCL\n< …不可短信退订…\n= CL active")


def test_an_order_confirmed_before_the_change_stays_cancellable_by_sms() -> None:
    conversation = Conversation(has=()).play("> KTCL\n> [1008620400] 是\n= CL active")
    put(conversation, "CL", by_sms=False)
    conversation.play("> QXCL\n< 彩铃已退订…\n= CL ended\n> KTCL\n< …退订方式：请到营业厅办理。…")


ORDERED, REFUSED, LEFT = "> KTCL\n> [1008620400] 是", "> KTCL\n> [1008620400] 否", "> QXCL\n= CL ended"
# The imported services, what happens before and after the change, and True if the service is cancellable by SMS when it
# is imported again.
IMPORTS = [
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


@pytest.mark.parametrize(("had", "before", "after", "by_sms"), IMPORTS)
def test_a_repeated_import_is_cancellable_by_sms_as_the_last_subscription_was(
    had: tuple[Subscription, ...], before: str, after: str, *, by_sms: bool
) -> None:
    conversation = Conversation(has=had).play(before)
    put(conversation, "CL", by_sms=False)
    conversation.play(f"@ +1d\n{after}\n@ +1h").happens(AgentUnsubscribe("agent:a", "CL", "she called"))
    conversation.play("@ +1h").happens(line("CL", conversation.now))
    conversation.play(
        "= CL active\n> QXCL\n< 彩铃已…\n= CL ended"
        if by_sms
        else "> QXCL\n< …彩铃不可短信退订，请到营业厅办理。…\n= CL active"
    )


@pytest.mark.parametrize("language", Language)
def test_a_service_that_is_kept_stays_cancellable_by_sms(language: Language) -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=language), has=(has("HT"),))
    conversation.play("> QXHT\n= HT ending 2026-03-03")
    put(conversation, "HT", by_sms=False)
    conversation.text("KTHT")
    assert "0000" in conversation.sent[-1].text
    conversation.text("是", "1008620400")
    assert "0000" in conversation.sent[-1].text
    conversation.play("= HT active\n> QXHT\n= HT ending 2026-03-03")


def test_an_english_listing_still_numbers_the_service() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN), has=(has("CL"), has("HT")))
    put(conversation, "CL", by_sms=False)
    conversation.play("> 0000\n< …1、彩铃 CNY5/month；2、和娱乐 CNY3/month；…")
