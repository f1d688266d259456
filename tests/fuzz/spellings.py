"""Spellings of keywords and picks that mean the same, by flows.md 2 and 5.2; they know nothing of the parser."""

from hypothesis import strategies as st

Spelling = st.SearchStrategy[str]
_WIDER = 0xFEE0
_TRADITIONAL = {
    "订": "訂", "购": "購", "询": "詢", "额": "額", "余": "餘", "积": "積", "话": "話", "费": "費", "诉": "訴", "账": "賬",
    "单": "單", "业": "業", "务": "務", "帮": "幫", "确": "確", "认": "認",
}  # fmt: skip
_ZEROS = "0OoＯ〇零０"
_BLANKS = ["", "", "", " ", "\u3000", "\t"]
# Zero-width characters, marks of direction, and controls.
_UNSEEN = [
    "",
    "",
    "",
    "\u200b",
    "\u200d",
    "\u200f",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\u2060",
    "\u00ad",
    "\x00",
    "\x07",
    "\x1b",
]
_WRAPPED = ["{}", "{}", "“{}”", '"{}"', "「{}」", "【{}】", "'{}'", "({})", "“{}”。", "「“{}”」", "\u202a{}\u202c"]
_BEHIND = ["", "", "。", ".", "！", "!", "～", "~", " ", "\n", "。\u200b", "\r\n", "\n发自我的iPhone", "\n--\n办公室"]


def _letters(char: str) -> list[str]:
    """Return how a character of a keyword may be written."""
    if not char.isascii():
        return [char, _TRADITIONAL.get(char, char)]
    forms = [char, char.lower()]
    return forms + [chr(ord(form) + _WIDER) for form in forms if "!" <= form <= "~"]


def _dressed(text: str, between: list[str], wrapped: str, behind: str, before: str) -> str:
    spaced = "".join(char + gap for char, gap in zip(text, [*between[: len(text) - 1], ""], strict=True))
    return before + wrapped.format(spaced) + behind


def spelled(word: str) -> Spelling:
    """Return spellings of a keyword: width, case, blanks, marks, traditional characters, quotes, a signature."""
    zeros = set(word) == {"0"}
    letters = [st.sampled_from(list(_ZEROS) if zeros else _letters(char)) for char in word]
    gaps = st.tuples(st.sampled_from(_BLANKS), st.sampled_from(_UNSEEN)).map("".join)
    return st.builds(
        _dressed,
        st.tuples(*letters).map("".join),
        st.lists(gaps, min_size=len(word), max_size=len(word)),
        st.sampled_from(_WRAPPED),
        st.sampled_from(_BEHIND),
        st.sampled_from(["", "", " ", "\n", "\u200e", "\ufeff"]),
    )


# ---- picks

_DIGITS, _FINANCIAL = "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖"
_MOST_IN_WORDS, _MOST_ENCIRCLED, _MOST_IN_CIRCLES = 99, 20, 50
_JOINED = [",", "，", "、", ";", "；", ".", "。", "/", " ", "+", "和", "及", ", ", " 、", " and ", "\u3000", "，\u200b"]
_BETWEEN = ["-", "~", "～", "至", "到", "－", " - ", "–", "—"]
_PREFIXES = ["", "", "退订", "取消", "TD", "QX", "td ", "退訂", "ＱＸ", "STOP "]


def _in_words(number: int, digits: str, ten: str) -> str:
    tens, ones = divmod(number, 10)
    return (digits[tens] if tens > 1 else "") + (ten if tens else "") + (digits[ones] if ones else "")


def _encircled(number: int) -> str:
    if number <= _MOST_ENCIRCLED:
        return chr(ord("①") + number - 1)
    return chr(ord("㉑") + number - 21) if number <= 35 else chr(ord("㊱") + number - 36)


def written(number: int) -> Spelling:
    """Return spellings of a number of a pick, from 1."""
    plain = str(number)
    forms = [
        plain,
        plain,
        f"0{plain}",
        "".join(chr(ord(digit) + _WIDER) for digit in plain),
        f"{plain}号",
        f"#{plain}",
        f"第{plain}个",
    ]
    if number <= _MOST_IN_WORDS:
        forms += [
            _in_words(number, _DIGITS, "十"),
            _in_words(number, _FINANCIAL, "拾"),
            f"第{_in_words(number, _DIGITS, '十')}个",
        ]
    if number <= _MOST_IN_CIRCLES:
        forms.append(_encircled(number))
    return st.sampled_from(forms)


def _range(first: int, last: int) -> Spelling:
    if first == last:
        return written(first)
    return st.tuples(written(first), st.sampled_from(_BETWEEN), written(last)).map("".join)


@st.composite
def picks(draw: st.DrawFn, largest: int) -> tuple[str, frozenset[int]]:
    """Return a pick of numbers up to ``largest``, and the numbers that it holds."""
    spans: list[tuple[int, int]] = draw(
        st.lists(st.tuples(st.integers(1, largest), st.integers(0, 4)), min_size=1, max_size=6)
    )
    text, numbers = draw(st.sampled_from(_PREFIXES)), set[int]()
    for place, (first, more) in enumerate(spans):
        text += draw(st.sampled_from(_JOINED)) if place else ""
        text += draw(_range(first, min(first + more, largest)))
        numbers |= set(range(first, min(first + more, largest) + 1))
    wrapped, behind = (
        draw(st.sampled_from(_WRAPPED)),
        draw(st.sampled_from(["", "", "。", "！", ",", "、", " ", "\n发自我的iPhone"])),
    )
    return wrapped.format(text + (behind if behind in (",", "、") else "")) + (
        "" if behind in (",", "、") else behind
    ), frozenset(numbers)
