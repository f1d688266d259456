"""How texts are put together."""

from datetime import UTC, datetime

import pytest

from app.domain.account import Language
from app.domain.texts import fee_summary, fees, tickets
from app.domain.texts.wording import sentence


@pytest.mark.parametrize(
    ("words", "closed"),
    [
        ("我们正在核实", "我们正在核实。"),
        ("我们正在核实。", "我们正在核实。"),
        ("手机报已退订，不收费；", "手机报已退订，不收费。"),
        ("是吗？", "是吗？"),
        ("多收了{fee}", "多收了{fee}。"),
    ],
)
def test_sentences_are_closed(words: str, closed: str) -> None:
    assert sentence(Language.ZH, words) == closed


@pytest.mark.parametrize("words", ["We are looking into it", "We are looking into it.", "We are looking into it; "])
def test_another_sentence_may_follow_in_english(words: str) -> None:
    assert sentence(Language.EN, words) == "We are looking into it. "


def test_a_name_that_ends_in_a_digit_is_kept_apart_from_its_fee() -> None:
    march = datetime(2026, 3, 1, tzinfo=UTC)
    assert fees.what(Language.ZH, "影视365", 100) == "影视365共1元"
    assert tickets.fee(Language.ZH, "影视365", 100) == "影视365共1元"
    assert fee_summary.summary(Language.ZH, march, [("影视365", 100)])[1] == "影视365共1元；"
    assert fees.what(Language.ZH, "彩铃", 100) == "彩铃1元"
    assert fees.what(Language.EN, "Movies 365", 100) == "Movies 365 CNY1"
