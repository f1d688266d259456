"""How texts are put together."""

import pytest

from app.domain.account import Language
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
