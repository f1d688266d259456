"""Which question a text answers (flows.md 3, 17; safety.md 6)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.commands import help  # noqa: A004  as the command is called
from app.commands.collecting import collect, load
from app.commands.outreach import consent
from app.commands.parser import normalise
from app.commands.router import Router
from app.commands.subscriptions import by_keyword, confirming, listing, picking
from app.commands.tickets import spam_reports
from app.domain.dialogue import Question, QuestionState
from app.domain.policy import ProviderTraits
from tests.commands import stand_ins
from tests.commands.stand_ins import ConfirmingOrder, DisputingCharge
from tests.commands.transcript import Conversation, play
from tests.commands.world import FOUR

MODULES = (by_keyword, confirming, help, listing, consent, picking, spam_reports, stand_ins)


def asked(conversation: Conversation, state: QuestionState, extension: str) -> Question:
    return Question(
        id=f"{state.kind}-{extension}",
        state=state,
        extension=extension,
        asked_text="?",
        asked_at=conversation.now,
        expires_at=conversation.now + timedelta(hours=24),
    )


def conversation_with(*questions: tuple[str, QuestionState], single_number: bool = False) -> Conversation:
    conversation = Conversation(carrier=ProviderTraits("test", single_number=single_number))
    conversation.router = Router(collect(MODULES, {"BILL": "ZD", "102": "0000"}))
    made = [asked(conversation, state, extension) for extension, state in questions]
    conversation.account = replace(conversation.account, questions={question.id: question for question in made})
    return conversation


ORDER, OTHER, FEE = ("20417", ConfirmingOrder("A")), ("20418", ConfirmingOrder("B")), ("901", DisputingCharge("8366"))


@pytest.mark.parametrize(
    ("questions", "number", "text", "reply"),
    [
        # The number binds the answer.
        ((ORDER, OTHER), "1008620417", "是", "[1008620417] ordered A…"),
        ((ORDER, OTHER), "1008620418", "1", "[1008620418] ordered B…"),
        ((ORDER, OTHER), "1008620418", "什么", "[1008620418] declined B…"),
        ((ORDER, FEE), "10086901", "8366", "[10086901] disputed 8366…"),
        ((ORDER, FEE), "10086901", "你好", "[10086901 reply] fee? 10086901…"),
        # A text to 10086 answers a question if exactly one understands it.
        ((ORDER,), "10086", "是", "[1008620417] ordered A…"),
        ((ORDER, FEE), "10086", "Y", "[1008620417] ordered A…"),
        ((ORDER, FEE), "10086", "8366", "[10086901] disputed 8366…"),
        # If several understand it, nothing changes, and the reply names the numbers to answer.
        ((ORDER, OTHER), "10086", "是", "[10086 reply] 您有多条短信待回复，未作任何更改。请分别回复至对应号码：order 1008620417。；order 1008620418。。中国移动"),
        ((ORDER, FEE), "10086", "否", "[10086 reply] …order 1008620417。；fee 10086901。…"),
        # To 10086, 1 never confirms an order, and other text does not decline it.
        ((ORDER,), "10086", "1", "[10086 reply] …未能识别…"),
        ((ORDER,), "10086", "什么", "[10086 reply] …未能识别…"),
        # A number that never asked takes no yes, but the code of a fee and a no.
        ((ORDER,), "10086888", "是", "[10086 reply] 您的回复未生效，未作任何更改。请回复至对应号码：order 1008620417。…"),
        ((ORDER,), "10086123", "是", "[10086 reply] 您的回复未生效…order 1008620417…"),
        ((ORDER,), "1008620455", "是", "[10086 reply] 您的回复未生效…order 1008620417…"),
        ((FEE,), "10086888", "8366", "[10086901] disputed 8366…"),
        ((FEE,), "10086123", "8366", "[10086901] disputed 8366…"),
        ((FEE,), "1008620455", "8366", "[10086901] disputed 8366…"),
        ((FEE,), "10086888", "否", "[10086901] disputed 8366…"),
        ((FEE, ORDER), "1008620417", "8366", "[1008620417] declined A…"),
        ((ORDER,), "1008620455", "1", "[10086 reply] …未能识别…"),
        # Keywords win.
        ((ORDER, FEE), "10086901", "ZD", "[10086] bill of []…"),
        ((ORDER,), "1008620417", "ZD#202610", "[10086] bill of [202610]…"),
        ((ORDER,), "1008620417", "QXCL", "[10086977] 彩铃…"),
        # A word that names no service is left to the question.
        ((ORDER,), "1008620417", "QXNO", "[1008620417] declined A…"),
    ],
)  # fmt: skip
def test_one_text_and_the_open_questions(
    questions: tuple[tuple[str, QuestionState], ...], number: str, text: str, reply: str
) -> None:
    conversation = conversation_with(*questions)
    conversation.play(f"> [{number}] {text}\n< {reply}")
    answered = [question for question in conversation.account.questions.values() if question.closed_at]
    assert bool(answered) == any(word in reply for word in ("ordered", "declined", "disputed"))


def test_a_listing_beside_other_questions() -> None:
    intercept = conversation_with(ORDER, FEE)
    intercept.play(
        """
        > 0000
        > 1
        < [10086977] 彩铃…
        # Not in the list, but the code of the fee.
        > 8366
        < [10086901] disputed 8366…
        # Now only the list understands numbers, and this one is wrong.
        > 8366
        < [10086977] …没有序号8366…
        > [10086977] 8366
        < [10086977] …没有序号8366…
        > [10086977] 全部
        > 是
        < [10086 reply] 您有多条短信待回复，未作任何更改。请分别回复至对应号码：order 1008620417。；退订和娱乐、手机报(新华)、天气预报(墨迹)请回复至10086977。中国移动
        = HT active, SJB active, TQ active
        > [10086977] 是
        = TQ ended
        > 是
        < [1008620417] ordered A…
        """
    )


def test_keywords_win_over_ended_questions() -> None:
    for text, reply in (
        ("ZD 202610", "bill of [202610]…"),
        ("QXCL", "彩铃…"),
        ("QXNO", "order expired…"),
        ("0000", "…"),
    ):
        conversation_with(ORDER).play(f"@ +25h\n> [1008620417] {text}\n< {reply}")


def test_beyond_the_limit_an_ambiguous_answer_waits_as_well() -> None:
    conversation = conversation_with(ORDER, OTHER)
    for _ in range(31):
        conversation.text("0")
    conversation.play("> 是\n<\n@ +1m\n< 您有多条短信待回复…")


def test_a_second_yes_to_a_finished_question_confirms_nothing_else() -> None:
    conversation_with(ORDER, OTHER).play(
        """
        > [1008620417] 是
        < ordered A…
        > [1008620417] 是
        < [1008620417 reply] order answered…
        > [1008620417] 1
        < [1008620417 reply] order answered…
        @ +6d
        > [1008620417] 是
        < [1008620417 reply] order answered…
        @ +2d
        > [1008620417] 是
        < [10086 reply] …未能识别…
        """
    )
    conversation_with(ORDER, OTHER).play("> [1008620417] 是\n> 是\n< [1008620418] ordered B…\n> 是\n< …order answered…")


def test_the_newest_ended_question_that_fits_replies() -> None:
    conversation_with(FEE).play(
        """
        > 0000
        @ +25h
        > 8366
        < [10086901 reply] fee expired…
        > 1
        < [10086977 reply] …超时失效…
        """
    )


def test_with_a_single_number_answers_are_bound_by_content() -> None:
    conversation = conversation_with(FEE, single_number=True)
    conversation.play(
        """
        > 0000
        < [10086] …1、彩铃…
        > [10086] 您好
        < [10086 reply] …未能识别您的回复…如1,3…
        > [10086] 8366
        < [10086] disputed 8366…
        > [10086] 1
        < [10086 result] 彩铃…
        > [10086] 全部
        < [10086] …
        > [10086] 不
        < [10086] …退订和娱乐、手机报(新华)、天气预报(墨迹)请回复Y…
        > [10086] 是
        < [10086] 和娱乐已退订…
        """
    )


ARGUMENTS = {
    "ZD": "", "zd#202610": "202610", "ZD 202610": "202610", "ｚｄ＃２０２６１０": "202610", "z d#202610": "202610", "ZD#": "", "ZD##1": "#1",
    "ZD\n202610": "202610", "bill": "", "BILL#202610": "202610", "ZD#ABC": "ABC",
}  # fmt: skip


def test_a_keyword_with_arguments() -> None:
    for text, argument in ARGUMENTS.items():
        for conversation in (conversation_with(), conversation_with(ORDER)):
            assert conversation.text(text)[0].text == f"bill of [{argument}]中国移动"


def test_a_keyword_inside_a_sentence_is_no_command() -> None:
    for text in (
        "我想退订",
        "0000是什么",
        "请发0000",
        "QXCL吗",
        "不要QXCL",
        "ZD202610",
        "10000",
        "000",
        "000000",
        "0000吗",
    ):
        conversation = conversation_with()
        came = conversation.text(text)
        assert (text, conversation.ended(), [message.kind for message in came]) == (text, set(), ["reply"])
        assert "1、彩铃" not in came[0].text


ZEROS = (
    '０００００|００００|00 00| 0000 |“0000”|"0000"|「0000」|【0000】|0000。|0000.|0000！|0000!|0000~|0000～|OOOO|oooo|〇〇〇〇|零零零零|0O0o'
    "|0000\u200b|\ufeff0000|0000\r\n|\t0000\n|00\u30000 0|00\u000000|“0000。”|(0000)|『0000』!|0000\ufe0f|\u202e0000\u202c"
)


def test_every_way_to_write_0000_sends_a_new_listing() -> None:
    for text in ZEROS.split("|"):
        conversation = Conversation()
        for _ in range(2):
            came = conversation.text(text)
            assert (text, came[0].number, "1、彩铃" in came[0].text) == (text, "10086977", True)
        conversation.text("全部")
        conversation.text("0000", "10086977")
        assert (
            len([question for question in conversation.account.questions.values() if question.closed_at is None]) == 1
        )


def test_menu() -> None:
    for text in ("10086", "0", "O", "HELP", "help", "帮助", "幫助", "BZ", "?", "？", "“?”"):
        play(
            f"> {text}\n< [10086 reply] 您可发送以下指令：0000 查询/退订业务；…QX+业务代码 退订业务；…10086 指令帮助。中国移动"
        )


ORDINARY = "你好|我要办业务|abc|7|谢谢|1|是|全部|查1|请0000|是？|1？||   |。|\x00|\ud83d|GMM#1#1#1|1,3".split("|")  # noqa: SIM905  one text each


def test_other_text_gets_help() -> None:
    for text in ORDINARY:
        for number in ("10086", "10086977"):
            came = Conversation().text(text, number)
            assert [(message.number, message.kind) for message in came] == [("10086", "reply")]
            assert "未能识别您的短信，未作任何更改。您可发送以下指令：0000" in came[0].text


ASKED = {
    "余额": "您的话费余额为", "话费": "暂无您03月的话费数据", "积分": "您的积分为", "账单": "暂无您2026年02月的账单",
    "流量": "您03月已使用流量", "投诉": "您目前没有处理中的投诉", "业务": "您正在使用的业务有",
}  # fmt: skip
TRADITIONAL = {"余额": "餘額", "话费": "話費", "积分": "積分", "账单": "帳單", "投诉": "投訴", "业务": "業務"}


@pytest.mark.parametrize("noun", ASKED)
def test_what_can_be_asked_for_is_understood_in_a_sentence(noun: str) -> None:
    for written in {noun, TRADITIONAL.get(noun, noun)}:
        for form in (
            "查{}",
            "查询{}",
            "查詢{}",
            "{}查询",
            "我要查{}",
            "我要查询{}",
            "帮我查{}",
            "幫我查詢{}",
            "请查{}",
            "请帮我查询{}。",
            "查 {}？",
        ):
            play(f"> {form.format(written)}\n< …{ASKED[noun]}…")
            play(f"> 0000\n> [10086977] {form.format(written)}\n< …{ASKED[noun]}…\n= CL active")


def test_a_question_about_services_to_the_number_of_charges_disputes_nothing() -> None:
    conversation = conversation_with(FEE)
    conversation.play("> [10086901] 查业务\n< [10086977 reply] …1、彩铃…")
    assert not any(
        question.closed_at for question in conversation.account.questions.values() if question.extension == "901"
    )


def test_any_text_to_10086999_is_a_spam_report() -> None:
    for text in ("0000", "TD", "QXCL", "1", "全部", "是", "恭喜您中奖了", "*中奖", "TS 投诉", "", "\x00"):
        conversation = Conversation().play("> 0000")
        came = conversation.text(text, "10086999")
        assert [(message.number, "格式" in message.text) for message in came] == [("10086999", True)]
        assert conversation.ended() == set()
    reports = "13900000001*中奖|13900000001 中奖|13900000001＊中奖|１３９０００００００１*中奖| 13900000001 * 中奖|106900001234*中奖|+8613900000001*中奖"
    for text in reports.split("|"):
        play(f"> [10086999] {text}\n< [10086999 reply] 您举报的信息已收到并记录，感谢您的支持。中国移动")


def test_the_marketing_number() -> None:
    for text in ("TD", "T", "退订", "td", "退訂", "退订。"):
        play(f"> 0000\n> [10086888] {text}\n< [10086888 result] …我们不会向您发送营销短信…\n= CL active")
    play(
        "> [10086888] 0000\n< [10086977] …1、彩铃…\n> [10086888] 1\n< [10086 reply] …业务清单请回复至10086977…\n> T\n< …未能识别…"
    )


def test_aliases_that_stop_the_start() -> None:
    faults = {
        "not a keyword": [{"YECX": "YE"}],
        "taken twice": [{"TD": "10086"}, {"td": "10086"}],
        "an answer": [{word: "0000"} for word in ("7", "1,4", "是", "n", "全部", "退订1")],
    }
    for fault, settings in faults.items():
        for aliases in settings:
            with pytest.raises(ValueError, match=fault):
                collect(MODULES, aliases)


def test_an_alias_may_be_a_keyword_of_its_command_already() -> None:
    registry = collect(MODULES, {"stop": "0000", "我要退订": "TD"})
    assert registry.exact(normalise("STOP")) is registry.exact(normalise("0000"))


def test_no_keyword_is_taken_twice() -> None:
    with pytest.raises(ValueError, match="taken twice"):
        collect([*MODULES, listing], {})


def test_order_keywords_that_clash() -> None:
    registry = load({})
    words = [
        "YLTX",
        "LLTX",
        "XXSF",
        "CL",
        "ALL",
        "QB",
        "TD",
        "YE",
        "DZXXSF",
        "YYH",
        "HELP",
        "ZD",
        "STOP",
        "UNSUBSCRIBE",
    ]
    assert [word for word in words if registry.clashes_with_order_keyword(word) is None] == ["CL", "YYH"]


def test_the_same_input_gives_the_same_outcome() -> None:
    conversations = [Conversation(has=FOUR) for _ in range(2)]
    for text in ("0000", "1", "全部", "是", "hehe", "查1"):
        for conversation in conversations:
            conversation.text(text)
    assert conversations[0].sent == conversations[1].sent
    assert conversations[0].account == conversations[1].account
