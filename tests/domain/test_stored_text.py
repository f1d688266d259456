"""Texts as they are stored: with reversible escapes and masked passwords (safety.md 28)."""

import itertools
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from app.domain.escape import escape, unescape
from app.domain.masking import PASSWORD_MASK, mask, mask_part
from tests.effort import tries

QUICK = tries(100)
ESCAPED = {
    "0000": "0000", "\x00": "␛0", "\ud83d": "␛D83D", "a\udc00b": "a␛DC00b", "␛": "␛␛", "␛0": "␛␛0", "␛\x00": "␛␛␛0", "😀": "😀", "": "",
}  # fmt: skip


def test_escape() -> None:
    assert {text: escape(text) for text in ESCAPED} == ESCAPED
    assert {unescape(stored): stored for stored in ESCAPED.values()} == ESCAPED
    assert unescape("␛x ␛D7FF ␛") == "␛x ␛D7FF ␛"


@QUICK
@given(st.text(st.one_of(st.characters(), st.sampled_from("\x00\ud83d\udc00␛0Dd8"))))
def test_escape_is_reversible_and_safe_to_store(text: str) -> None:
    stored = escape(text)
    assert unescape(stored) == text
    assert "\x00" not in stored
    assert stored.encode().decode() == stored


COMMANDS = [
    "XGMM#802357#739184#739184", "XGMM802357 739184 739184", "xgmm 802357", "x g m m ＃ ８０２３５７ ＃ ７３９１８４", "Ｘ Ｇ Ｍ Ｍ８０２３５７＃７３９１８４",
    "XGMM", "  xGmM#", "\tXGMM 802357", "\nxgmm 802357", "“XGMM#802357#1#1”", "【xgmm】802357", "X\u200bG\u200dM\u00adM 802357", "X\x00GMM802357",
    "。XGMM 802357", "-XGMM802357", "X\u3000G\u3000M\u3000M 802357", "\ud83dXGMM 802357", "XGMM\ufe0f802357", "𝐗𝐆𝐌𝐌 802357", "x\n\n g \t m m 802357",
]  # fmt: skip
JOINED = {
    "802357#739184#739184": "******#******#******",
    "密码802357＊739184＊739184": "密码" + "*" * 20,
    "TS 我发了802357#739184没有用": "TS 我发了******#******没有用",
    "802357 # 739184": "****** # ******",
    "8 0 2 3 5 7 # 7 3 9 1 8 4": "****** # ******",
    "８０２３５７＃７３９１８４": "******#******",
    "80\u200b2357\u200d#739184": "******#******",
    "802357\x00#739184": "******#******",
    "802357\t\u200b #\n739184": "****** # ******",
    "802357##739184": "******##******",
    "5 802357#739184": "5 ******#******",
    "802357#739184 5": "******#****** 5",
    "8️⃣0️⃣2️⃣3️⃣5️⃣7️⃣#739184": "******#******",
    "٨٠٢٣٥٧#٧٣٩١٨٤": "******#******",
    "she sent XGMM 802357 739184 739184 twice": "she sent XGMM ****** ****** ****** twice",
    "我发了xgmm，802357，739184": "我发了xgmm,******,******",
}
NO_PASSWORDS = ["0000", "1,3", "ZD#202610", "13900000001*恭喜", "13900000001*139000000011", "802357", "802357 739184", "802357,739184", "8023571#7391841", "我要XGMM",
     "80235#73918", "", "\ud83d", "X", "#", "XG", "GMMX 802357", "甲" * 10_000]  # fmt: skip


def test_masked() -> None:
    assert [text for text in COMMANDS if mask(text) != PASSWORD_MASK] == []
    assert {text: mask(text) for text in JOINED} == JOINED
    assert [text for text in NO_PASSWORDS if mask(text) is not None] == []


SIGNS = ["802357", "８０２３５７", "8 0 2 3 5 7", "#", "＃", "*", " ", "\u200b", "\t", "甲", "1", "XGMM"]


@QUICK
@given(st.lists(st.sampled_from(SIGNS), max_size=12).map("".join))
def test_no_joined_six_digit_groups_stay_visible(text: str) -> None:
    shown = mask(text)
    folded = unicodedata.normalize("NFKC", text if shown is None else shown).replace("\u200b", "")
    assert not re.search(r"(?<!\d)\d{6}[#*]+\d{6}(?!\d)", folded)


# ---- parts of long messages: a piece of a password does not look like one

SECRET = [*COMMANDS, "XGMM,802357,739184,739184", "XGMM802357#739184#739184", *(text for text, masked in JOINED.items() if not re.search(r"\d", masked))]  # fmt: skip


def in_parts(text: str, cuts: list[int]) -> list[str]:
    """Split a text at ``cuts`` and return the parts as they are stored."""
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[one:other] for one, other in itertools.pairwise(places)]
    last = len(pieces) - 1
    stored = [mask_part(piece, first=place == 0, last=place == last) for place, piece in enumerate(pieces)]
    return [piece if masked is None else masked for piece, masked in zip(pieces, stored, strict=True)]


@given(st.sampled_from(SECRET), st.data())
def test_no_part_shows_a_digit_of_a_password_that_was_split(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=4))
    assert [piece for piece in in_parts(text, cuts) if re.search(r"\d", unicodedata.normalize("NFKC", piece))] == []


def test_digits_that_cannot_belong_to_a_password_stay_visible() -> None:
    assert mask_part("我3月1日订了2个", first=False, last=False) is None
    assert mask_part("1，3", first=True, last=True) is None
    assert mask_part("12个1#2，3", first=False, last=True) == "**个*#*,3"
    assert mask_part("12个12", first=True, last=False) == "12个**"
    assert mask_part("打13800138000找我", first=True, last=True) == "打***********找我"
