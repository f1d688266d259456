"""No sequence of texts ends a service that no pick, QX or yes named."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.commands.accounts.import_lines import ImportSubscription
from app.commands.subscriptions.confirming import ConfirmingUnsubscribe
from app.commands.subscriptions.listing import ChoosingServices
from app.domain.segments import measure
from app.domain.subscriptions import Channel, SubscriptionState
from tests.commands.transcript import Conversation, Sent
from tests.commands.world import CATALOGUE, FOUR, has, shanghai
from tests.effort import tries

PICKS = {
    "1": {1}, "2": {2}, "３": {3}, "1,4": {1, 4}, "2-4": {2, 3, 4}, "①③": {1, 3}, "TD1": {1}, "QX1,2": {1, 2}, "退订3": {3}, "五": {5}, "6": {6}, "1 2 3 4 5": {1, 2, 3, 4, 5},
}  # fmt: skip
WORDS = {"QXCL": "CL", "TDSJB": "SJB", "qxhdh": "FH", "QX LD": "LD"}
YES = ["是", "Y", "确认"]
OTHER = [
    "0000",
    "退订",
    "全部",
    "ALL",
    "否",
    "N",
    "查1",
    "9",
    "123",
    "hehe",
    "不要1",
    "好",
    "QXNO",
    "0",
    "TS 1",
    "1,9",
    "是的吗",
    "",
]
SENT = st.tuples(
    st.one_of(*(st.sampled_from(list(group)) for group in (PICKS, WORDS, YES, OTHER, YES, ["0000", "全部"]))),
    st.sampled_from(["10086", "10086977", "10086977", "10086901", "1008620401", "10086888", "10086999"]),
)
TIME = st.sampled_from([1, 60, 45 * 60, 90 * 60, 3 * 3600, 26 * 3600, 9 * 86400])
STEPS = st.lists(st.one_of(SENT, SENT, SENT, SENT, TIME, st.just("import"), st.just("lost")), max_size=25)


@dataclass
class Watcher:
    """Knows only what the customer can read: the last list, and the services that the last question names."""

    shown: dict[int, str] = field(default_factory=dict)
    asked: str = ""

    def may_end(self, text: str, name: str) -> bool:
        """Return True if the text names the service, given what was shown before."""
        if text in YES:
            return name in self.asked
        if text in WORDS:
            return CATALOGUE.services[WORDS[text]].name == name
        return any(self.shown.get(number, "").startswith(name) for number in PICKS.get(text, ()))

    def read(self, came: list[Sent]) -> None:
        text = "".join(message.text for message in came)
        if "正在使用的业务" in text:
            self.shown = {int(number): item for number, item in re.findall(r"(\d+)、([^；]*)；", text)}
            self.asked = ""
        elif "确定退订" in text or "确认全部退订" in text:
            self.asked = text


def check(conversation: Conversation, came: list[Sent]) -> None:
    """Check what must be true after every turn."""
    questions = [question for question in conversation.account.questions.values() if question.closed_at is None]
    for kind in (ChoosingServices, ConfirmingUnsubscribe):
        assert len([question for question in questions if isinstance(question.state, kind)]) <= 1
    assert all(measure(message.text).segments <= 5 and message.text.endswith("中国移动") for message in came)
    outcome = conversation.outcome
    changed = [item for item in outcome.subscriptions if item.unsubscribed_at is not None]
    assert (
        len(changed) == len([draft for draft in outcome.evidence if draft.kind == "unsubscribe"]) == len(outcome.events)
    )
    assert not changed or not came or came[0].kind == "result"


@tries(80)
@given(STEPS)
def test_only_named_services_end(steps: list[tuple[str, str] | int | str]) -> None:
    conversation = Conversation(has=(*FOUR, has("FH", "2025-01-01 10:00"), has("LD", in_plan=True)))
    watcher = Watcher()
    for step in steps:
        if isinstance(step, int):
            conversation.move(conversation.now + timedelta(seconds=step))
        elif step == "import":
            wanted = ImportSubscription(
                "api",
                "YS",
                SubscriptionState.ACTIVE,
                in_plan=False,
                started_at=shanghai("2019-01-01 10:00"),
                channel=Channel.WEB,
            )
            conversation.happens(wanted)
        elif step == "lost":
            if conversation.account.questions:
                conversation.lose()
        elif isinstance(step, tuple):
            text, number = step
            before = conversation.ended()
            came = conversation.text(text, number)
            for code in conversation.ended() - before:
                assert watcher.may_end(text, CATALOGUE.services[code].name), "\n".join(conversation.log)
            check(conversation, came)
            watcher.read(came)
    if conversation.evidence:
        assert conversation.chain_is_whole()
