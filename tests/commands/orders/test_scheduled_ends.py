"""An order of a service that the subscriber has says until when it runs, if its end is scheduled (safety.md 3, 19)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.domain.account import Language
from app.domain.catalogue import CancelEffect
from app.domain.policy import ProviderTraits
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.turn import TimerDue
from tests.commands.orders.test_new_terms import DAY, announced
from tests.commands.orders.test_orders import BY_NAME, catalogue
from tests.commands.orders.test_trials import on_trial
from tests.commands.transcript import Conversation
from tests.commands.world import has, shanghai

NO_END = "无需重复订购"
ON_DAY, ON_END = "可用至04月01日00时00分", "可用至03月20日12时00分"
ASKED, YES, NO = "\n@ 2026-03-17 12:00", "> [1008620400] 是", "> [1008620400] 不要"


def with_new_terms(transcript: str = "", price_fen: int = 700, **given: object) -> Callable[[], Conversation]:
    return lambda: announced(price_fen, **given).play(transcript)  # type: ignore[arg-type]


def with_trial(transcript: str = "", *, on_offer: bool = True) -> Callable[[], Conversation]:
    def started() -> Conversation:
        conversation = on_trial("2026-03-20 12:00")
        conversation.catalogue = catalogue(replace(BY_NAME["TQ"], on_offer=on_offer))
        return conversation.play(transcript)

    return started


def trial_with_declined_terms() -> Conversation:
    """Declined new terms for a trial that ends before their day."""
    conversation = with_trial()()
    terms = AnnouncedTerms("change-1", 700, CancelEffect.IMMEDIATE, shanghai(DAY), "api:catalogue")
    conversation.happens(TimerDue(NEW_TERMS, "subscription-TQ", conversation.now, terms.text()))
    return conversation.play(f"{NO}{ASKED}")


def lengthened_trial() -> Conversation:
    """A trial that an import lengthened after the subscriber's no."""
    conversation = with_trial(f"{ASKED}\n{NO}\n@ +1h")()
    longer = ImportSubscription(
        "api:crm", "TQ", SubscriptionState.TRIAL, in_plan=False, started_at=conversation.now, channel=Channel.SMS,
        trial_ends_at=shanghai("2026-03-25 12:00"), as_of=conversation.now,
    )  # fmt: skip
    conversation.happens(longer)
    assert conversation.outcome.refusal is None
    return conversation


CASES = {
    "new terms are open": ("CL", with_new_terms(), ON_DAY, "1008620400"),
    "new terms declined": ("CL", with_new_terms(NO), ON_DAY, "届时停止"),
    "new terms agreed": ("CL", with_new_terms(YES), NO_END, ""),
    "new terms begun": ("CL", with_new_terms(f"{YES}\n@ 2026-04-02 10:00"), NO_END, ""),
    "no worse terms": ("CL", with_new_terms(price_fen=400), NO_END, ""),
    "in the plan": ("CL", with_new_terms(has=(replace(has("CL"), in_plan=True),)), NO_END, ""),
    "one number": (
        "CL",
        with_new_terms(carrier=ProviderTraits("one", single_number=True)),
        ON_DAY,
        "回复确认短信(10086)",
    ),
    "trial not asked about yet": ("TQ", with_trial(), NO_END, ""),
    "trial of a withdrawn service": ("TQ", with_trial(on_offer=False), ON_END, "届时停止"),
    "trial asked about": ("TQ", with_trial(ASKED), ON_END, "1008620400"),
    "trial declined": ("TQ", with_trial(f"{ASKED}\n{NO}"), ON_END, "届时停止"),
    "trial goes on": ("TQ", with_trial(f"{ASKED}\n{YES}"), NO_END, ""),
    "trial before declined terms": ("TQ", trial_with_declined_terms, ON_END, "1008620401"),
    "trial declined and lengthened": ("TQ", lengthened_trial, NO_END, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_repeated_order_says_until_when_the_service_runs_and_where_to_answer(case: str) -> None:
    code, start, until, next_step = CASES[case]
    [sent] = start().text(f"KT{code}")
    assert sent.text.startswith("您已订购"), sent.text
    assert until in sent.text, sent.text
    assert next_step in sent.text, sent.text
    assert (NO_END in sent.text) == (until == NO_END)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "it runs until April 1, 00:00. To keep it, reply to our message from 1008620400 before then."),
        ("NO", "it runs until April 1, 00:00 and stops then."),
    ],
)
def test_in_english_too(answer: str, said: str) -> None:
    conversation = announced()
    conversation.happens(SetSubscriber("api:crm", frozenset({"language"}), create=False, language=Language.EN))
    if answer:
        conversation.text(answer, "1008620400")
    [sent] = conversation.text("KTCL")
    assert said in sent.text
