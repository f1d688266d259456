"""No text takes long, whatever it is made of: what is done with each before it is stored is linear (safety.md 37).

Judged by how the time grows, so that it holds on any machine: what is eight times as long may take twenty times as long,
where work that looks at every pair would take sixty-four.
"""

import time
from collections.abc import Callable

import pytest

from app.domain.escape import escape
from app.domain.masking import mask, mask_part
from app.domain.segments import measure
from app.domain.spam import number_and_content
from app.observability import masked_text

PIECES = {
    "one sign that is eighteen": "\ufdfa", "marks in the wrong order": "\u0315\u0300\u05ae", "letters": "彩", "jamo": "\u1100\u1161\u11a8",
    "nothing to see": "\u200b", "digits": "1 ", "joints": "1#", "groups": "123456#", "groups apart": "123456 ", "stars": "1*",
    "numbers": "13800138000 ", "keycaps": "1\ufe0f\u20e3", "circles": "①", "brackets": "( ", "blanks": " ", "lines": ">a\n",
    "letters of the command": "X ", "escapes": "␛", "surrogates": "\ud800", "emoji": "😀", "zeros": "０", "hyphens": "1-",
}  # fmt: skip
WORK: dict[str, Callable[[str], object]] = {
    "mask": mask,
    "mask a part": lambda text: mask_part(text, first=False, last=False),
    "escape": escape,
    "measure": measure.__wrapped__,
    "read a spam report": number_and_content,
    "mask a log line": masked_text,
}
_SHORT, _LONG, _MOST_TIMES = 8_000, 64_000, 20
# Less than that is too little to measure, and too little to matter.
_NOTHING_SECONDS = 0.05


def effort(work: Callable[[str], object], text: str) -> float:
    """Seconds of processor time, the best of three."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        work(text)
        best = min(best, time.thread_time() - began)
    return best


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_what_is_done_with_a_text_grows_as_it_does(work: Callable[[str], object], piece: str) -> None:
    texts = {size: f"Q{piece * size}"[:size] for size in (_SHORT, _LONG)}
    long = effort(work, texts[_LONG])
    assert long < _NOTHING_SECONDS or long < _MOST_TIMES * effort(work, texts[_SHORT])


@pytest.mark.parametrize("around", ["\ufdfa", "\u0315\u0300", "彩", "ｘ", " "])
@pytest.mark.parametrize(
    "secret",
    [
        "XGMM#802357#739184#739184",
        "８０２３５７＃７３９１８４",
        "802357\u200b*\u200b739184",
        "⑧02357#739184",
        "𝟖02357#739184",
    ],
)
def test_a_password_in_a_text_of_any_length_is_masked(secret: str, around: str) -> None:
    for text in (secret, secret + around * 5_000):
        masked = mask(text)
        assert masked is not None
        assert "739184" not in masked
    if not secret.startswith("X"):
        masked = mask(f"{around * 5_000} {secret} {around * 5_000}")
        assert masked is not None
        assert "739184" not in masked
