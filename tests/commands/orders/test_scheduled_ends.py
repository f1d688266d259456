"""Who orders what she has is told until when it runs, where it ends without a yes of hers (safety.md 3, 19)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_claims import ImportSubscription
from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.domain.account import Channel, Language, SubscriptionState
from app.domain.catalogue import CancelEffect
from app.domain.policy import Carrier
from app.domain.turn import TimerDue
from tests.commands.orders.test_new_terms import DAY, announced
from tests.commands.orders.test_orders import BY_NAME, catalogue
from tests.commands.orders.test_trials import on_trial
from tests.commands.transcript import Conversation
from tests.commands.world import has, shanghai

PLAIN = "无需重复订购"
ON_DAY, ON_END = "可用至04月01日00时00分", "可用至03月20日12时00分"
ASKED, YES, NO = "\n@ 2026-03-17 12:00", "> [1008620400] 是", "> [1008620400] 不要"


def of_terms(then: str = "", price_fen: int = 700, **given: object) -> Callable[[], Conversation]:
    return lambda: announced(price_fen, **given).play(then)  # type: ignore[arg-type]


def of_trial(then: str = "", *, on_offer: bool = True) -> Callable[[], Conversation]:
    def begun() -> Conversation:
        conversation = on_trial("2026-03-20 12:00")
        conversation.catalogue = catalogue(replace(BY_NAME["TQ"], on_offer=on_offer))
        return conversation.play(then)

    return begun


def both() -> Conversation:
    """New terms that she refuses, of a trial whose end comes first."""
    conversation = of_trial()()
    terms = AnnouncedTerms("change-1", 700, CancelEffect.IMMEDIATE, shanghai(DAY), "api:catalogue")
    conversation.happens(TimerDue(NEW_TERMS, "subscription-TQ", conversation.now, terms.text()))
    return conversation.play(f"{NO}{ASKED}")


def lengthened() -> Conversation:
    """A trial that she said no to, and that is longer since."""
    conversation = of_trial(f"{ASKED}\n{NO}\n@ +1h")()
    longer = ImportSubscription(
        "api:crm", "TQ", SubscriptionState.TRIAL, in_plan=False, started_at=conversation.now, channel=Channel.SMS,
        trial_ends_at=shanghai("2026-03-25 12:00"), as_of=conversation.now,
    )  # fmt: skip
    conversation.happens(longer)
    assert conversation.outcome.refusal is None
    return conversation


CASES = {
    "new terms are open": ("CL", of_terms(), ON_DAY, "1008620400"),
    "new terms refused": ("CL", of_terms(NO), ON_DAY, "届时停止"),
    "new terms agreed": ("CL", of_terms(YES), PLAIN, ""),
    "new terms begun": ("CL", of_terms(f"{YES}\n@ 2026-04-02 10:00"), PLAIN, ""),
    "no worse terms": ("CL", of_terms(price_fen=400), PLAIN, ""),
    "in the plan": ("CL", of_terms(has=(replace(has("CL"), in_plan=True),)), PLAIN, ""),
    "one number": ("CL", of_terms(carrier=Carrier("one", single_number=True)), ON_DAY, "回复确认短信(10086)"),
    "trial not asked about yet": ("TQ", of_trial(), PLAIN, ""),
    "trial of what is withdrawn": ("TQ", of_trial(on_offer=False), ON_END, "届时停止"),
    "trial asked about": ("TQ", of_trial(ASKED), ON_END, "1008620400"),
    "trial refused": ("TQ", of_trial(f"{ASKED}\n{NO}"), ON_END, "届时停止"),
    "trial goes on": ("TQ", of_trial(f"{ASKED}\n{YES}"), PLAIN, ""),
    "trial before refused terms": ("TQ", both, ON_END, "1008620401"),
    "trial refused and lengthened": ("TQ", lengthened, PLAIN, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_she_is_told_until_when_it_runs_and_where_to_answer(case: str) -> None:
    code, begun, until, what = CASES[case]
    [sent] = begun().text(f"KT{code}")
    assert sent.text.startswith("您已订购"), sent.text
    assert until in sent.text, sent.text
    assert what in sent.text, sent.text
    assert (PLAIN in sent.text) == (until == PLAIN)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "it runs until April 1, 00:00. To go on with it, answer our message from 1008620400 before that."),
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
