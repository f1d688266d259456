"""0000: the listing of running services, with numbers (flows.md 5.1, 17; safety.md 3, 17, 20)."""

import re
from dataclasses import replace

import pytest

from app.domain.account import Brand, Language, SubscriberStatus
from app.domain.catalogue import Billing, Catalogue, Service
from app.domain.policy import ProviderTraits
from app.domain.segments import Encoding, measure
from app.domain.subscriptions import SubscriptionState
from app.domain.texts.sign_off import Place, SignOff
from app.domain.texts.wording import Text
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import CATALOGUE, FIVE, SUBSCRIBER, has, provider, service, shanghai

ITEM = re.compile(r"(\d+)[、.， ]([^；]*)；")


def test_two_groups_one_running_number() -> None:
    play(
        """
        > 0000
        < [10086977 reply] 尊敬的神州行客户，您好！除套餐内包含的业务外，您正在使用的业务有：中国移动业务：1、彩铃5元/月；2、和娱乐3元/月；由中国移动代收费的业务：3、手机报(新华)3元/月；4、天气预报(墨迹)2元/月；不可短信退订：宽带电视(19元90分/月)，请拨打10086；或到营业厅办理。请回复序号取消对应业务，多项用逗号分隔，如1,3；回复“全部”取消全部。2小时内回复有效，回复免费。以上为标准资费，实际以账单为准。中国移动
        < [10086977 reply] 您套餐内包含的业务有：5、来电提醒0元(套餐内)；回复序号同样可退订。中国移动
        = CL active, HT active, SJB active, TQ active, LD active, KD active
        """,
        has=FIVE,
    )


KEYWORDS = "0000 00000 TD td 退订 退訂 查询退订 查詢退訂 CXTD cxtd ＣＸＴＤ".split()  # noqa: SIM905  one word each


def test_every_keyword_of_the_listing() -> None:
    for keyword in KEYWORDS:
        play(f"> {keyword}\n< [10086977] …1、彩铃5元/月；…4、天气预报(墨迹)2元/月；…")


@pytest.mark.parametrize(
    ("held", "shown"),
    [
        # By start date, then by code; own services before SPs'; in plan last.
        (
            (has("CL", "2026-01-09 10:00"), has("LD", "2025-12-05 10:00"), has("YYH", "2025-12-07 10:00"),
             has("HT", "2025-12-07 10:00"), has("TQ", "2020-01-01 10:00")),
            ["1来电提醒1元/月", "2和娱乐3元/月", "3音乐盒6元/月", "4彩铃5元/月", "5天气预报(墨迹)2元/月"],
        ),
        # A trial shows its end, a paid service shows none; each price has its unit.
        ((has("TQ", "2026-02-20 10:00", trial_until="2026-03-20 10:00"),), ["1天气预报(墨迹)2元/月，免费体验至03月20日"]),
        ((has("GS"), has("MF")), ["1天气提示0元/月", "2故事点播(新华)2.50元/次"]),
        # The confirmed price counts, not today's; fen are shown as two decimals.
        ((has("CL", price_fen=10), has("LD", price_fen=1205)), ["1彩铃0.10元/月", "2来电提醒12.05元/月"]),
        # A blank separates a name that ends in a digit from its price.
        ((has("YS"), has("CL")), ["1彩铃5元/月", "2影视365 5.50元/月"]),
        ((has("LD", in_plan=True),), ["1来电提醒0元(套餐内)"]),
        ((has("KD"),), []),
        ((has("YYH"),), ["1音乐盒6元/月"]),
    ],
)  # fmt: skip
def test_what_is_shown_for_each(held: tuple[object, ...], shown: list[str]) -> None:
    replies = Conversation(has=held).text("0000")  # type: ignore[arg-type]
    text = "".join(message.text for message in replies)
    assert [number + item for number, item in ITEM.findall(text)] == shown


def test_nothing_to_list() -> None:
    play(
        "> 0000\n< [10086977 reply] 尊敬的神州行客户，您好！您目前没有正在使用的增值业务。中国移动\n> 1\n< [10086] …0000…",
        has=(),
    )


def test_only_in_plan() -> None:
    play(
        """
        > 0000
        < [10086977] 尊敬的神州行客户，您好！您正在使用的业务均包含在套餐内：1、来电提醒0元(套餐内)；请回复序号取消对应业务，多项用逗号分隔，如1；回复“全部”…
        > [10086977] 1
        < [10086977 result] 来电提醒(套餐内)已于03月02日退订，立即生效。…
        """,
        has=(has("LD", in_plan=True),),
    )


def test_in_plan_left_out_by_setting() -> None:
    without = policy(list_in_plan=False)
    play("> 0000\n< …4、天气预报…\n> 5\n< …没有序号5…", has=FIVE, policy=without)
    play("> 0000\n< …除套餐内包含的业务外，您目前没有…", has=(has("LD", in_plan=True),), policy=without)


def test_what_cannot_be_picked_has_no_number() -> None:
    play(
        """
        > 0000
        < …正在使用的业务有：不可短信退订：宽带电视(19元90分/月)，请拨打10086；或到营业厅办理。以上为标准资费…
        # No number was shown, so no question was asked: a number is ordinary text.
        > [10086977] 1
        < [10086] …未能识别…0000…
        = KD active
        """,
        has=(has("KD"),),
    )
    play(
        """
        > 0000
        > [10086977] 3
        = SJB ending 2026-03-31
        > 0000
        < …1、彩铃…2、和娱乐…代收费的业务：3、天气预报(墨迹)2元/月；已退订、尚未到期的业务：手机报(新华)可用至03月31日。请回复…
        @ 2026-04-01 00:00:01
        = SJB ended
        > 0000
        < …1、彩铃…2、和娱乐…3、天气预报(墨迹)2元/月；请回复…
        """,
    )


def test_what_the_closing_says_depends_on_the_settings() -> None:
    paid = ProviderTraits("paid", free_mo=False)
    play("> 0000\n< …如1；回复“全部”取消全部。2小时内回复有效。以上…", has=(has("CL"),), carrier=paid)
    only_numbers = policy(allow_unsubscribe_all=False)
    play("> 0000\n< …如1,2；暂不支持一次退订全部业务。2小时内…", has=(has("CL"), has("LD")), policy=only_numbers)


@pytest.mark.parametrize(
    ("brand", "name"), [(Brand.GOTONE, "全球通"), (Brand.MZONE, "动感地带"), (Brand.EASYOWN, "神州行")]
)
def test_the_brand_is_named(brand: Brand, name: str) -> None:
    play(f"> 0000\n< 尊敬的{name}客户…", subscriber=replace(SUBSCRIBER, brand=brand))


def test_english_customer() -> None:
    play(
        """
        > 0000
        < [10086977] Dear Easyown customer, apart from your plan you have: China Mobile: 1、彩铃 CNY5/month；2、和娱乐 CNY3/month；Charged on behalf of others: 3、手机报(新华) CNY3/month；4、天气预报(墨迹) CNY2/month；Reply with numbers to stop services, e.g. 1,3; ALL stops all. Valid for two hours, replies are free. Standard prices; your bill prevails. China Mobile
        < [10086977] Included in your plan: 5、来电提醒 CNY0(in plan)；Reply with numbers to stop these, too. China Mobile
        > [10086977] 3
        < [10086977 result] 手机报(新华) was stopped and runs until March 31; this month's CNY3 is still charged, nothing after that. Send 0000 to see your services. China Mobile
        > [10086977] hello
        < Sorry, …e.g. 1,3, or send 0000 for a new one.…
        """,
        has=FIVE[:5],
        subscriber=replace(SUBSCRIBER, language=Language.EN),
    )


def test_suspended_subscribers_can_list_and_unsubscribe() -> None:
    suspended = replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED)
    play("> 0000\n< …1、彩铃…\n> 1\n< [10086977 result] 彩铃已于…\n= CL ended", subscriber=suspended)


def test_a_trial_that_is_over_is_not_listed() -> None:
    trial = (has("CL"), has("TQ", "2026-02-20 10:00", trial_until="2026-03-02 09:59:59"))
    play("> 0000\n< …1、彩铃5元/月；请回复…", has=trial)


# ---- long listings


def many(count: int, name: str, *, in_plan: int = 0) -> dict[str, object]:
    services: list[Service] = [
        service(f"G{number:02}", f"{name}{number:02}"[-20:], 100, sp="X") for number in range(1, count + 1)
    ]
    catalogue = Catalogue.of(2, [provider("X", "一二三四五六七八九十一二三四五六七八九十")], services)
    held = tuple(has(item, in_plan=place > count - in_plan) for place, item in enumerate(services, 1))
    return {"catalogue": catalogue, "has": held}


@pytest.mark.parametrize(("count", "in_plan", "most"), [(60, 0, 5), (60, 30, 5), (40, 0, 2), (12, 6, 3), (99, 0, 5)])
def test_long_listings_lose_nothing(count: int, in_plan: int, most: int) -> None:
    name = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未"
    given = many(count, name, in_plan=in_plan)
    conversation = Conversation(**given, policy=policy(menu_max_segments=most))  # type: ignore[arg-type]
    replies = conversation.text("0000")
    text = "".join(message.text for message in replies)
    found = ITEM.findall(text)
    assert [int(number) for number, _ in found] == list(range(1, count + 1))
    assert all(item.startswith(f"{name}{int(number):02}(") for number, item in found)
    assert all(measure(message.text).segments <= most for message in replies)
    pages = [re.match(r"（(\d+)/(\d+)）", message.text) for message in replies]
    marks = [(int(page[1]), int(page[2])) for page in pages if page]
    groups = sorted({total for _, total in marks})
    assert len(marks) == len(replies)
    assert sum(groups) in (len(replies), len(replies) / 2)
    assert marks == [
        *((n, marks[0][1]) for n in range(1, marks[0][1] + 1)),
        *((n, marks[-1][1]) for n in range(1, len(marks) - marks[0][1] + 1)),
    ]
    assert all(message.text.endswith("中国移动") for message in replies)
    # The question spans all of them: the last one can be picked.
    conversation.play(f"> [10086977] {count}\n< …{name}{count:02}…\n= G{count:02} ended, G01 active")


@pytest.mark.parametrize("place", Place)
def test_a_long_listing_is_signed_on_every_page(place: Place) -> None:
    given = many(40, "甲乙丙丁戊己庚辛壬癸")
    signed = policy(menu_max_segments=3, sign_off=SignOff(Text("上海甲乙丙丁移动通信", "Jiayi"), place))
    replies = Conversation(**given, policy=signed).text("0000")  # type: ignore[arg-type]
    assert [int(number) for number, _ in ITEM.findall("".join(message.text for message in replies))] == [*range(1, 41)]
    assert all(measure(message.text).segments <= 3 for message in replies)
    for number, message in enumerate(replies, 1):
        mark = f"（{number}/{len(replies)}）"
        front, end = ("", "上海甲乙丙丁移动通信") if place is Place.END else ("【上海甲乙丙丁移动通信】", "")
        assert message.text.startswith(front + mark)
        assert message.text.endswith(end)


def test_every_message_carries_the_sign_off_in_front_where_the_setting_says_so() -> None:
    play(
        """
        > 0000
        < [10086977 reply] 【中国移动】尊敬的神州行客户，您好！…1、彩铃5元/月；…以上为标准资费，实际以账单为准。
        > 1
        < [10086977 result] 【中国移动】彩铃已于03月02日退订，立即生效，不再收费。查询请发送0000。
        > KTCL
        < [1008620400 confirmation] 【中国移动】尊敬的客户，您好！您将订购中国移动的彩铃业务，…退订发送0000到10086。
        > [1008620400] 是
        < [1008620400 result] 【中国移动】您已成功订购彩铃，…
        > YE
        < [10086 reply] 【中国移动】截至03月02日10时00分，您的话费余额为30元。
        > [10086888] TD
        < [10086888 result] 【中国移动】您目前没有同意接收营销短信的记录，…
        """,
        policy=policy(sign_off=SignOff(place=Place.FRONT)),
    )
    play(
        "> YE\n< [China Mobile] As of March 2, 10:00 your balance is CNY30.\n> 0000\n< 【China Mobile】Dear Easyown customer, …",
        policy=policy(sign_off=SignOff(place=Place.FRONT)),
        subscriber=replace(SUBSCRIBER, language=Language.EN),
    )
    play("> YE\n< 截至03月02日10时00分，您的话费余额为30元。", policy=policy(sign_off=SignOff(Text("", ""))))


NAMES = [
    "影视365",
    "3G上网",
    "CCTV 5+体育",
    "手机报(早晚版)",
    "一二三四五六七八九十一二三四五六七八九十",
    "Film",
    "Film 24",
    "①号",
    "{name}",
    "Радио",
    "Vol.2 音乐集",
    "2.0会员",
    "影院三",
]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("sp", ["CMCC", "XINHUA"])
def test_programs_find_the_items_and_nothing_else(language: Language, sp: str) -> None:
    """Programs read listings as digits, one of 、.， or a blank, and the text up to ； (flows.md 17)."""
    services = [service(f"N{place:02}", name, 1990, sp=sp) for place, name in enumerate(NAMES, 1)]
    fixed = [replace(item, service_code="F" + item.service_code, order_keyword=None, cancellable_by_sms=False, cancel_how="拨10086 或10010、10000.谢谢")
             for item in services]  # fmt: skip
    catalogue = Catalogue.of(3, list(CATALOGUE.providers.values()), [*services, *fixed])
    held = [has(item) for item in services]
    # Two are in the plan, one is in trial.
    held[0] = replace(held[0], trial_ends_at=shanghai("2026-03-20 10:00"), state=SubscriptionState.TRIAL)
    in_plan = [replace(item, in_plan=True) for item in held[-2:]]
    customer = replace(SUBSCRIBER, language=language)
    conversation = Conversation(customer, (*held[:-2], *in_plan, *(has(item) for item in fixed)), catalogue=catalogue)
    text = " ".join(re.sub(r"^[（(]\d+/\d+[)）] ?", "", message.text) for message in conversation.text("0000"))
    found = ITEM.findall(text)
    assert [number for number, _ in found] == [str(number) for number in range(1, len(NAMES) + 1)]
    assert [item.startswith(name) for (_, item), name in zip(found, NAMES, strict=True)] == [True] * len(NAMES)


def test_a_listing_in_one_message_is_not_marked() -> None:
    replies = Conversation(has=(has("CL"),)).text("0000")
    assert [measure(message.text).encoding for message in replies] == [Encoding.UCS2]
    assert not replies[0].text.startswith("（")


def test_per_use_services_say_what_is_charged_until_the_end() -> None:
    assert CATALOGUE.services["GS"].billing is Billing.PER_USE
    play("> 0000\n> 1\n< 故事点播(新华)已退订，可用至03月31日，期间使用仍按2.50元/次收费。…", has=(has("GS"),))
