"""All words of ``smsgw chat``, in both languages."""

import os

from app.domain.account import Language
from app.domain.messages import OutboundStatus
from app.domain.texts.wording import Text

# ---- messages

YOU_TO = Text(zh="发给{number}", en="you to {number}")
SEGMENT = Text(zh="1条", en="1 segment")
SEGMENTS = Text(zh="{count}条", en="{count} segments")
SENT = "sent"
# A status that this release does not know is shown as it came.
STATUSES: dict[str, Text] = {
    SENT: Text(zh="已发出", en="sent"),
    OutboundStatus.QUEUED: Text(zh="待发送", en="queued"),
    OutboundStatus.SENDING: Text(zh="发送中", en="sending"),
    OutboundStatus.ACCEPTED: Text(zh="已提交", en="accepted"),
    OutboundStatus.DELIVERED: Text(zh="已送达", en="delivered"),
    OutboundStatus.UNDELIVERED: Text(zh="未送达", en="undelivered"),
    OutboundStatus.EXPIRED: Text(zh="已过有效期", en="expired"),
    OutboundStatus.REJECTED: Text(zh="被拒收", en="rejected"),
    OutboundStatus.DELETED: Text(zh="已删除", en="deleted"),
    OutboundStatus.FAILED: Text(zh="发送失败", en="failed"),
    OutboundStatus.UNKNOWN: Text(zh="结果不明", en="unknown"),
    OutboundStatus.SUPERSEDED: Text(zh="已撤回", en="superseded"),
}

# ---- clock and notes

CLOCK = Text(zh="北京时间 {day} {weekday} {time}，时钟{how}。", en="{weekday} {day} {time} in Shanghai; {how}.")
STANDS_STILL = Text(zh="已暂停", en="it stands still")
RUNS = Text(zh="正在走动", en="it runs")
WEEKDAYS = (
    Text(zh="周一", en="Mon"), Text(zh="周二", en="Tue"), Text(zh="周三", en="Wed"), Text(zh="周四", en="Thu"),
    Text(zh="周五", en="Fri"), Text(zh="周六", en="Sat"), Text(zh="周日", en="Sun"),
)  # fmt: skip
EMPTIED = Text(zh="网关数据已清空，仅保留演示客户。", en="The gateway is empty but for the demo customers.")
BACK = Text(zh="网关已恢复应答。", en="The gateway is back.")
AWAY = Text(zh="网关没有应答，正在重试……", en="The gateway does not answer; trying again until it does …")
KEYS = Text(zh=" 回车发送 · /help 帮助 · Ctrl-D 退出", en=" Enter sends · /help · Ctrl-D ends")
TYPED = Text(zh=" {length}个字符，{segments}", en=" {length} characters, {segments}")
HELP = Text(
    zh="""\
输入短信内容后按回车发送。以斜杠开头的短信请写两个斜杠：//短信内容
/to 号码          发给哪个号码；收到新短信后自动改为该短信的发送号码
/clock            查看网关时间
/advance 时长     快进网关时钟：90s、30m、24h、7d、1d12h，或快进到某一时间：2026-03-31 23:59
/reset            清空网关数据，重新载入演示客户
/help             显示本帮助
/quit             退出，也可按Ctrl-D或Ctrl-C""",
    en="""\
Type a text and press Enter to send it. A text that begins with a slash is written with two: //text
/to NUMBER        whom to write to next; a message that comes in changes it again
/clock            the gateway's time
/advance LENGTH   move its clock: 90s, 30m, 24h, 7d, 1d12h, or to a time: 2026-03-31 23:59
/reset            empty the gateway and load the demo customers
/help             this
/quit             end, as Ctrl-D and Ctrl-C do""",
)

# ---- errors in what was typed

NO_URL = Text(
    zh="{url}不是网关地址，请写成--url http://127.0.0.1:8086这样的形式。",
    en="{url} is no gateway's URL: give --url http://127.0.0.1:8086 or the like.",
)
NO_MOBILE_NUMBER = Text(
    zh="{given}不是手机号码，请写成13800138000或+8613800138000。",
    en="{given} is no mobile number: write 13800138000 or +8613800138000.",
)
NO_ID = Text(
    zh="--after后面应为短信ID，可在模拟器和接口中查到。",
    en="--after takes a message's id, as the simulator and the API show it.",
)
NO_UTF8 = Text(zh="输入的第{number}行不是UTF-8编码。", en="Line {number} of the input is not UTF-8.")
NOTHING_BEHIND = Text(zh="{command}后面不能再有内容。", en="{command} takes nothing behind it.")
NO_COMMAND = Text(
    zh="没有{name}这个命令，输入/help可查看全部命令。", en="There is no {name}. /help lists what there is."
)
NO_COMMAND_BUT = Text(
    zh="没有{name}这个命令，您要输入的是{near}吗？输入/help可查看全部命令。",
    en="There is no {name}. Did you mean {near}? /help lists what there is.",
)
NO_NUMBER = Text(zh="/to后面应为号码，如/to 10086977。", en="/to takes a number, such as /to 10086977.")
NO_TIME = Text(
    zh="/advance后面应为时长(90s、30m、24h、7d)或时间(2026-03-31 23:59)。",
    en="/advance takes a length (90s, 30m, 24h, 7d) or a time (2026-03-31 23:59).",
)

# ---- errors of the gateway

NOT_IDLE = Text(
    zh="网关还有任务未完成，未显示的短信可能稍后才到。",
    en="The gateway still has something to do; what is not shown may come later.",
)
NO_SIMULATOR = Text(
    zh="{url}上的网关没有模拟手机：请用`smsgw demo`启动，或在配置文件中添加kind为simulator的通道。",
    en="The gateway at {url} has no simulated handsets: start one with `smsgw demo`, or give it a provider of kind "
    "simulator in its settings file.",
)
NO_ANSWER = Text(
    zh="{url}上的网关在{seconds}秒内没有应答。", en="The gateway at {url} did not answer within {seconds} s."
)
UNREACHABLE = Text(
    zh="{url}上没有网关应答：请用`smsgw demo`(或`make run`)启动，或用--url指定其他网关。",
    en="No gateway answers at {url}: start one with `smsgw demo` (or `make run`), or name another by --url.",
)
OTHER_WORDS = Text(
    zh="请求被拒绝：返回码{status}，内容不是网关的应答，请检查--url是否正确。",
    en="The gateway refused it: it answered {status}, and not in a gateway's words; is --url right?",
)
REFUSED = Text(zh="网关拒绝了该请求：{detail}", en="The gateway refused it: {detail}")
NOT_OFFERED = Text(zh="网关不提供该功能：{detail}", en="The gateway does not offer it: {detail}")
NO_GATEWAY = Text(
    zh="{url}上应答的不是短信指令网关：请用--url指定网关。",
    en="What answers at {url} is no SMS command gateway: name one by --url.",
)


class ChatError(Exception):
    """An error that the user can do something about; ``say`` returns its message in a language."""

    def __init__(self, text: Text, **facts: str) -> None:
        super().__init__(text, facts)
        self._text = text
        self._facts = facts

    def say(self, language: Language) -> str:
        """Return the message."""
        return self._text.say(language, **self._facts)

    def __str__(self) -> str:
        return self.say(Language.EN)


def segments(language: Language, count: int) -> str:
    """Return a number of segments in words."""
    return SEGMENT.say(language) if count == 1 else SEGMENTS.say(language, count=str(count))


def status(language: Language, name: str) -> str:
    """Return what a status is called."""
    return STATUSES[name].say(language) if name in STATUSES else name


def language_of_locale() -> Language:
    """Return the language of this process's locale for messages: Chinese for zh_CN and the like, else English."""
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return Language.ZH if locale.lower().startswith("zh") else Language.EN
