"""Names and notes in the catalogue: they may not be false or read as something else (safety.md 29)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import vocabulary
from app.commands.catalogue_names import confusable_service, name_violation
from app.commands.collecting import load
from app.commands.limits import NOT_UNDERSTOOD
from app.commands.router import Router
from app.domain.names import cancel_how_violation, cancel_warning_violation
from app.domain.service_numbers import Extension, ServiceNumbers
from tests.commands.transcript import Conversation
from tests.commands.world import SERVICES, service

REGISTRY = load({"查业务": "0000"})
GOOD = [
    "彩铃", "手机报", "影视365", "会员·尊享", "英语+", "儿童(三岁)", "手机报-晚报", "V2会员", "股票100%", "全部业务管家", "手机报(早晚版)", "a", "元气音乐",
    "分钟包", "100分钟语音包", "国内通话五分钟", "块块拼图", "角落书屋", "3D电影", "5G畅享", "101网校", "百度文库", "三毛流浪记", "是非题", "否极泰来", "停机保号",
    "TD-LTE套餐", "KTV点歌", "取消烦恼", "Freestyle", "M.2硬盘", "Ｖ２会员", "春夏秋冬东南西北山川湖海日月星辰", "Übersee", "🎵音乐", "京东PLUS", "第三方",
    "三号线地铁报", "5号公路旅游", "酷！", "多元文化", "七月", "十二月", "乙亥资讯", "退订管家", "全部音乐", "TS频道", "T恤", "Y世代", "HELPER", "1对1辅导",
    "2合1", "Vol.2 音乐集", "音乐 & 故事", "CCTV 5+体育", "ALL IN", "Yes!音乐", "No.1 音乐", "会员　尊享", "Yuan Meng",
]  # fmt: skip
BAD: dict[str, list[str]] = {
    "characters": ["", " ", "　", "彩" * 21, "㍿" * 6, " 彩铃", "彩铃 ", "音  乐", "a" + " " * 20],
    "width": [
        "音\u200b乐", "音\u2060乐", "\u202e铃彩", "彩\u200d铃", "彩\ufeff铃", "彩\xad铃", "手\n报", "报\u2028报", "报\x00", "彩\t铃",
        "报\ud83d", "彩\u3164铃", "彩\u2800铃", "彩\ufe0f铃", "彩\U000e0101铃", "\u2066彩铃\u2069", "免\u200b费", "音\u200b乐；2",
    ],
    "punctuation": [
        "手机、报", "手机，报", "手机；报", "手机。报", "手机:报", "手机：报", "手机,报", "手机;报", "手机､报", "手机｡报", "手机﹔报",
        "手机︐报", "手机\u037e报", "是。", "会员3、5", "http：//a",
    ],
    "number": [
        "0000", "12", "三十", "１２", "③", "Ⅲ", "½", "两", "一百零一", "3-5", "１-３", "0", "八三六六", "+", "♪♪", "()", "50%", "٣", "㈢",
        "❸", "百", "零零零零", "1.5", "3⃣", "1+1", "2?", "#2",
    ],
    "end": [
        "会员0.", "会员３．", "会员⒈", "会员-", "会员/", "会员—", "会员–", "会员·", "会员(", "会员（", "会员~", "会员～", "会员=", "会员×", "会员_",
        "会员\\", "会员…", "会员<", "会员 /", "会员[", "会员|", "会员−", "会员／", "会员‐", "会员\u2024", "会员.\u0323", "会员5*",
    ],
    "money": [
        "9块", "音乐5 元", "5 yuan包", "5 YUAN", "5元手机报", "③元", "三元", "三 元包", "³元", "Ⅲ元", "㈢元", "❸元", "５元", "半块", "几元", "二元论",
        "两块会员", "音乐￥5", "音乐¥5", "音乐$", "€音乐", "500円", "音乐₿", "5·元", "5(元)", "5.5元", "5-元", "一角", "5分", "五 分", "十 元区",
        "5RMB", "RMB5", "CNY 5", "ＣＮＹ５", "5圆", "伍圓", "5塊", "5毛", "５毛钱", "5⃣元", "5̲元", "零元购", "٥元",
    ],
    "free": ["免 费", "免　费听", "免费", "免費音乐", "免\u0332费", "免\xa0费", "Free Music", "ＦＲＥＥ", "toll-free"],
    "link": [
        "https速学", "www.example.com", "x．com", "w w w.a", "ＷＷＷ．ａ", "a.cn", "音乐.中国", "xn--a.xn--b", "t.cn", "x . com", "x․com",
        "1.2.3.4站", "ｈ t t p", "evil.app", "bit.ly/a", "手机报.网络", "a.b.co",
    ],
    "answer": [
        "全部", "全 部", "“全部”", "【全部】", "ＡＬＬ", "all!", "QB", "所有业务", "退订全部", "全部退订", "是", "否", "YES", "ＹＥ", "yes", "y", "Ｎ",
        "N!", "no", "是的", "确认", "TD", "退订", "退訂", "STOP", "td1", "QX 3", "退订2", "KT2", "订购①", "查2", "第2个", "2号",
        "1 and 3", "三至五", "T", "R", "help", "帮助", "余额", "话费", "TS", "投诉", "投诉?", "XGMM", "QXXXSF", "KTYLTX", "流量", "oooo", "查业务",
        "「查业务」", "取消1和3", "unsubscribe", "10086号", "是\u0332", "取消", "取 消", "拒收", "QX+", "取消？", "「拒收！」", "ＱＸＱＸ", "取消取消",
        "TD退订", "stop stop", "T取消", "Kt+",
    ],
}  # fmt: skip
WORDS = {
    "characters": "characters", "width": "no width", "punctuation": "list punctuation", "number": "number", "end": "end in",
    "money": "money", "free": "free", "link": "link", "answer": "customers answer or command with",
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_names_are_accepted(name: str) -> None:
    assert name_violation(REGISTRY, name) is None


@pytest.mark.parametrize(("what", "name"), [(what, name) for what, found in BAD.items() for name in found])
def test_bad_names_are_refused_with_the_reason(what: str, name: str) -> None:
    assert WORDS[what] in (name_violation(REGISTRY, name) or "taken")


# Every word that is understood, and the aliases of a deployment. The number for spam reports takes any text.
WORDS_UNDERSTOOD = sorted({
    *REGISTRY.keywords, *REGISTRY.prefixes, "QXQX", "退订退订", "TD退订", "RR",
    *(word for name, words in vars(vocabulary).items() if name.isupper() and not isinstance(words, str) for word in words),
})  # fmt: skip
NUMBERS = [ServiceNumbers().number(extension) for extension in ("", *Extension) if extension != Extension.SPAM]


@pytest.mark.parametrize("word", WORDS_UNDERSTOOD)
def test_no_name_is_a_text_that_the_gateway_understands(word: str) -> None:
    for number in NUMBERS:
        conversation = Conversation()
        conversation.router = Router(REGISTRY)
        conversation.text(word, number)
        if conversation.outcome.verdict != NOT_UNDERSTOOD:
            assert name_violation(REGISTRY, word), f"{word} to {number}: {conversation.outcome.verdict}"


@given(st.text(max_size=40))
def test_any_name_gives_a_result(name: str) -> None:
    assert name_violation(REGISTRY, name) != ""


OWN = ["shop.example", "example.cn"]
GOOD_WAYS = [
    "请到营业厅办理", "请携证件，到任一营业厅办理", "请拨打10086，或到营业厅办理", "请拨打 400 810 0001", "请登录 m.shop.example 办理", "请登录：https://shop.example/td。",
    "HTTPS://Shop.Example/TD_1", "ＳＨＯＰ．ＥＸＡＭＰＬＥ", "Visit any shop. Bring your ID card", "Call 10086 or see example.cn/stop", "办理（example.cn）",
    "请于5分钟内回电",
]  # fmt: skip
BAD_NOTES = [
    "", " ", "请到营业厅；2、彩铃5元/月", "a;b", "a\u037eb", "a\nb", "a\u2028b", "a\x00b", "a\u200bb", "a\u202eb", "营" * 61, "㍿" * 16, "1、彩铃", "②、彩铃", "1 、彩铃",
    "２．彩铃", "3.彩铃", "三、彩铃", "5﹑彩铃", "4､彩铃", "办理免 费", "free of charge", "免\u0332费",
    "请点击 http://evil.example 办理", "evil.example", "shop.example.evil.cn", "evil.cn/shop.example", "https://shop.example@evil.cn", "evilshop.example",
    "evil-shop.example", "恶shop.example", "恶-shop.example", "shop.example。evil.cn", "shop.example .evil.cn", "shop.example .cn", "www . evil.cn", "evil . cn",
    "shop.example:81", "https://shop.example:81", "ftp://evil.cn", "evil。com", "x. com", "shop.example\\@evil.cn", "//evil.cn", "shop．example．evil．cn", "example.cn1.top",
    "https://1.2.3.4/", "shop.example。top", "example.cn.evil.top",
]  # fmt: skip


@pytest.mark.parametrize("words", GOOD_WAYS)
def test_another_way_to_end_may_name_a_telephone_number_and_an_address_of_the_operator(words: str) -> None:
    assert cancel_how_violation(words, OWN) is None


@pytest.mark.parametrize("words", BAD_NOTES)
def test_notes_that_read_as_something_else_are_refused(words: str) -> None:
    assert cancel_how_violation(words, OWN)
    assert cancel_warning_violation(words)


def test_only_addresses_in_the_settings_are_allowed_and_never_in_a_warning() -> None:
    for words in ("m.shop.example", "https://example.cn/stop"):
        assert (cancel_how_violation(words, OWN), cancel_how_violation(words, [])) == (
            None,
            cancel_how_violation("evil.cn", OWN),
        )
        assert cancel_warning_violation(words)


@pytest.mark.parametrize(
    "words", ["预存款50元将清零", "取消后，号码、内容均不保留。", "再次开通须付￥50", "CNY50 are lost"]
)
def test_a_warning_may_name_an_amount(words: str) -> None:
    assert cancel_warning_violation(words) is None
    assert (cancel_how_violation(words, OWN) is None) == ("50" not in words)


@pytest.mark.parametrize(
    ("name", "keyword", "code"),
    [("QXCL", None, "CL"), ("取消cl", "A1", "CL"), ("ＫＴ ＣＬ", None, "CL"), ("cl", "A1", "CL"), ("STOP SJB", None, "SJB"), ("新闻", "NEWS", "N"), ("新闻", "VIP", "V")],
)  # fmt: skip
def test_no_name_reads_as_the_order_keyword_of_another_service(name: str, keyword: str | None, code: str) -> None:
    others = (
        *SERVICES,
        replace(service("N", "QXNEWS", 100), order_keyword=None),
        replace(service("V", "Vip", 100), order_keyword=None),
    )
    mistaken = confusable_service(REGISTRY, replace(service("X", name, 100), order_keyword=keyword), others)
    assert mistaken is not None
    assert mistaken.service_code == code


@pytest.mark.parametrize(
    ("name", "keyword"), [("VIP", "VIP"), ("QXVIP", "VIP"), ("新闻", None), ("QX音乐", "A1"), ("彩铃", "B1")]
)
def test_a_name_may_be_its_own_order_keyword(name: str, keyword: str | None) -> None:
    assert confusable_service(REGISTRY, replace(service("X", name, 100), order_keyword=keyword), SERVICES) is None
