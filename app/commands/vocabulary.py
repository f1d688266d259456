"""All words that are understood from customers (flows.md 2, 4, 5.2, 17)."""

# ---- keywords of the commands

# How a wish begins: 我要退订, 帮我查余额.
WISHES = ("我要", "帮我", "请", "请帮我")
_QUERY_WORDS = ("查", "查询")


def _wished(*words: str) -> tuple[str, ...]:
    """Return the words, and each as a wish."""
    return (*words, *(wish + word for wish in WISHES for word in words))


def _asked(*nouns: str) -> tuple[str, ...]:
    """Return how the nouns are asked for in a whole sentence: 余额查询, 查余额, 帮我查询余额."""
    return (*(noun + "查询" for noun in nouns), *_wished(*(word + noun for word in _QUERY_WORDS for noun in nouns)))


# In front of what to unsubscribe: an order keyword, a name, numbers of a listing, 全部.
UNSUBSCRIBE_WORDS = ("QX", "TD", "退订", "取消", "STOP", "UNSUBSCRIBE")
# Behind a wish they may stand in a sentence that says something else: asked about, never carried out at once.
WISHES_TO_UNSUBSCRIBE = tuple(wish + word for wish in WISHES for word in ("退订", "取消"))
# Naming nothing, they ask for the listing.
UNSUBSCRIBE_ALONE = (
    "TD", "查询退订", "CXTD", "STOP", "UNSUBSCRIBE", *_wished("退订", "退订业务", "取消业务"),
)  # fmt: skip
LIST_SERVICES = ("0000", "00000", *UNSUBSCRIBE_ALONE, *_asked("业务"))
LIST_OFFERS = ("1111", "DG", *_wished("订购", "订购业务"))
ORDER = ("KT",)
# Opt-outs, sent to the number of marketing: the first with anything behind them, the others only as whole words.
NO_MARKETING = ("退订", "拒收", "取消", "STOP", "UNSUBSCRIBE")
NO_MARKETING_ALONE = ("TD", "T", "R", "N", "QX")
COMPLAIN = ("TS", "投诉", "我要投诉")
TICKET_STATE = ("CXTS", *_asked("投诉"))
DATA_USAGE = ("CXYL", "CXLL", "LLCX", "流量", *_asked("流量"))
DATA_ALERTS_ON = ("KTYLTX", "KTLLTX")
DATA_ALERTS_OFF = ("QXYLTX", "QXLLTX")
FEE_SUMMARY_ON = ("DZXXSF",)
FEE_SUMMARY_OFF = ("QXXXSF", "QXDZXXSF")
BALANCE = ("YE", "CXYE", "YECX", "余额", "话费余额", *_asked("余额", "话费余额"))
SPEND = ("HF", "CXHF", "HFCX", "话费", "当月话费", *_asked("话费", "当月话费"))
POINTS = ("JF", "CXJF", "JFCX", "积分", *_asked("积分"))
BILL = ("ZD", "CXZD", "ZDCX", "账单", *_asked("账单"))
CHANGE_PASSWORD = "XGMM"  # noqa: S105  the keyword
MENU = ("10086", "0", "HELP", "帮助", "BZ", "?")

# ---- characters

# Traditional characters of these words, with their simplified forms.
TRADITIONAL = {
    "訂": "订", "購": "购", "詢": "询", "餘": "余", "額": "额", "積": "积", "話": "话", "費": "费", "幫": "帮",
    "訴": "诉", "帳": "账", "賬": "账", "單": "单", "確": "确", "認": "认", "數": "数", "業": "业", "務": "务",
    "關": "关", "閉": "闭", "開": "开", "無": "无", "個": "个", "號": "号", "碼": "码", "報": "报", "請": "请",
    "內": "内", "點": "点", "幾": "几", "還": "还", "沒": "没", "對": "对", "該": "该", "這": "这", "萬": "万",
    "兩": "两", "發": "发", "來": "来", "從": "从", "項": "项", "條": "条", "種": "种", "當": "当",
}  # fmt: skip
# ① to ⑳, ⑴ to ⒇, ⒈ to ⒛, ⓪, ⓫ to ⓴, ⓵ to ⓾, ⓿, ❶ to ➓, ㉑ to ㉟, ㊱ to ㊿: each is one number.
ENCIRCLED = "①-⒛⓪-⓿❶-➓㉑-㉟㊱-㊿\U0001f10b\U0001f10c"
ENCIRCLED_ZEROS = "⓪⓿\U0001f10b\U0001f10c"
KEYCAP = "\u20e3"
ZEROS = "0Oo〇零"
# Signs between a keyword and its argument, and signs that are ignored behind a keyword.
ARGUMENT_MARKS = "#+:"
BEHIND_KEYWORD = ",、;/+:?"
# Signs between a keyword and free text, before normalising.
JOINING = "+＋"
BEFORE_TEXT = "#＃:：,，、;；。—"
# Opening signs, and at the same index their closing signs.
OPENING = "\"'“‘「『【[(〈《<"
CLOSING = "\"'”’」』】])〉》>"
TRAILING = "。.！!～~"
QUOTE_MARKS = ">＞"
# How the signature of a handset begins (a pattern, on normalised text).
SIGNATURES = r"发自(?:我的)?|发送自|来自我的|从我的|SENT\s+(?:FROM|VIA|WITH)|--|—"

# ---- answers

YES = frozenset({"是", "是的", "Y", "YES", "确认"})
NO = frozenset({"否", "N", "NO"})
ALL = frozenset({"全部", "所有", "全部业务", "所有业务", "ALL", "QB"})
# Not exact enough for an answer, but no signature contains them.
DENIALS = frozenset({"不", "别", "勿", "拒", "停", "NOT", "DON", "DONT", "NEVER", "CANCEL", "END", "QUIT"})
UNSUBSCRIBE_WORDS_BEHIND = ("退订", "取消")
ORDER_WORDS = ("订购", "DG", "KT")
ASK_ORIGIN = "查"
ASK_ORIGIN_MARK = "?"
# May follow the name of a service.
SERVICE_WORD = "业务"

# ---- picks

SEPARATORS = ",，、;；.。/ +和及"
AND = "AND"
AMONG_NUMBERS = "和及至到"
RANGE_MARKS = "-~至到–—"
LONG_RANGE_MARKS = ("——", "TO")
DIGIT_NUMERALS = {
    "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
    "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9,
    "貳": 2, "貮": 2, "弍": 2, "參": 3, "叄": 3, "陸": 6,
}  # fmt: skip
TENS = "十拾"
# 第2个, 2号, #2. Without 第 a number in front of 个 is a count and not a pick.
ORDINAL = "第"
NUMBER_MARK = "#"
NUMBER_WORD = "号"
BEFORE_NAME = " 、.,:"
COUNTERS = "个项条种"
