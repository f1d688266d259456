"""What an inspection says in plain words, in both languages: why a text was taken as it was, verdicts, timers."""

from collections.abc import Mapping

from app.commands.routes import Route, RouteKind
from app.domain.texts.wording import Text

_KEYWORD = Text(
    zh="短信内容就是指令代码 {keyword}；指令优先于待回复的问题。",
    en="The text is the keyword {keyword}; keywords go before open questions.",
)
_KEYWORD_AND_ARGUMENT = Text(
    zh="短信以指令代码 {keyword} 开头，其后为“{argument}”。",
    en="The text begins with the keyword {keyword}, followed by “{argument}”.",
)
_ANSWER_SOMEWHERE = Text(
    zh="不是指令；作为对待回复问题的答复处理。", en="No keyword; an open question understood it as its answer."
)
# Placeholders: ``asked_from`` is the service number that asked, ``dialled`` the one that the text was sent to.
_WHY: Mapping[RouteKind, Text] = {
    RouteKind.NUMBER: Text(
        zh="发往 {dialled} 的此类短信由该号码的专用功能处理。",
        en="Such a text to {dialled} is taken by the function of that number.",
    ),
    RouteKind.ANSWER: Text(
        zh="不是指令；作为对 {asked_from} 所提问题的答复处理。",
        en="No keyword; it answers the question that {asked_from} asked.",
    ),
    RouteKind.LATE_ANSWER: Text(
        zh="不是指令；所答复的 {asked_from} 的问题已经结束，因此回复说明已失效。",
        en="No keyword; the question of {asked_from} that it answers had ended, and the reply says so.",
    ),
    RouteKind.REPEATED_QUESTION: Text(
        zh="既不是指令，也不是能识别的答复；{asked_from} 的问题再次发出。",
        en="Neither a keyword nor an answer that was understood; the open question of {asked_from} is asked again.",
    ),
    RouteKind.SEVERAL_QUESTIONS: Text(
        zh="可以是多个待回复问题的答复；回复列出这些问题。",
        en="It may answer several open questions; the reply lists them.",
    ),
    RouteKind.HELP: Text(
        zh="既不是指令，也不是待回复问题的答复；回复说明可以发送什么，或应答复到哪个号码。",
        en="Neither a keyword nor an answer to an open question; the reply says what can be sent, or where an answer belongs.",
    ),
    RouteKind.INCOMPLETE: Text(
        zh="长短信未收全；未收全的短信不作为指令或答复，回复说明未收全。",
        en="Parts of the text never came; it counts as no command and no answer, and the reply says so.",
    ),
    RouteKind.OVER_RATE: Text(
        zh="该号码一分钟内的短信超出上限；超出的查询被丢弃，只提示一次。",
        en="Too many texts came from this number within a minute; queries beyond the limit are dropped, with one notice.",
    ),
    RouteKind.LOOP: Text(
        zh="又一条未能识别的短信；连续多次后网关不再回复，以免两台机器互相应答。",
        en="Not understood once more; after several such replies the gateway is silent, so that two machines do not "
        "answer each other for ever.",
    ),
    RouteKind.TOO_MANY_SEGMENTS: Text(
        zh="一小时内发给该号码的短信条数已达上限；不涉及变更的回复不再发送。",
        en="This number got its most segments for an hour; what changes nothing is not answered any more.",
    ),
    RouteKind.NOT_A_CUSTOMER: Text(
        zh="该号码没有对应的客户；每天提示一次。", en="Nobody has this number; it is told so once a day."
    ),
    RouteKind.FORMER_CUSTOMER: Text(
        zh="短信发出时号码属于原机主；只作记录，不予处理。",
        en="It was sent when a former customer had the number; it is recorded, never acted upon.",
    ),
    RouteKind.PART: Text(
        zh="长短信的一个分段；拼接后的整条短信单独处理。",
        en="A part of a long message; the joined message is handled as one of its own.",
    ),
    RouteKind.REPEAT: Text(zh="此前已收到，不再起作用。", en="It had come before; it has no further effect."),
    RouteKind.UNANSWERABLE: Text(
        zh="发送方不是可以答复的客户号码；只作记录。",
        en="Its sender is not a number that is answered; it is recorded only.",
    ),
    RouteKind.WAITING: Text(
        zh="尚未处理：等待更早的短信、长短信的其余分段、密码校验或消息提交。",
        en="Not handled yet: it waits for earlier texts, the other parts of a long one, a check or a hand-over.",
    ),
    RouteKind.KEPT: Text(
        zh="该号码一分钟内的短信超出上限；此短信可能涉及退订，因此不丢弃，过后处理。",
        en="Too many texts came from this number within a minute; as this one may end something, it is kept until the "
        "minute is over.",
    ),
    RouteKind.FAILING: Text(
        zh="处理时出错；将再次尝试，共三次。", en="Handling it raised an error; it is tried again, three times in all."
    ),
    RouteKind.DEAD: Text(
        zh="处理三次均出错，已成为死信；已请客户稍后再试，并生成工单交由坐席处理。",
        en="Handling it raised an error three times: it is a dead letter. The subscriber was asked to try later, and a "
        "ticket tells staff.",
    ),
}


def why(route: Route, *, dialled: str, asked_from: str | None) -> Text:
    """Return why a text took this route. ``asked_from`` is the service number of the question, if one is known."""
    if route.kind is RouteKind.KEYWORD:
        template = _KEYWORD_AND_ARGUMENT if route.argument else _KEYWORD
    elif route.kind is RouteKind.ANSWER and asked_from is None:
        template = _ANSWER_SOMEWHERE
    else:
        template = _WHY[route.kind]
    facts = {"keyword": route.keyword, "argument": route.argument, "dialled": dialled, "asked_from": asked_from or "?"}
    return Text(zh=template.zh.format(**facts), en=template.en.format(**facts))


# What the stored verdicts of texts mean.
VERDICTS: Mapping[str, Text] = {
    "answered": Text(zh="已回复", en="answered"),
    "as before": Text(zh="无变化", en="nothing changed"),
    "asked": Text(zh="已发出二次确认", en="asked to confirm"),
    "asked again": Text(zh="已再次询问", en="asked again"),
    "complaint": Text(zh="已登记投诉", en="complaint opened"),
    "data alerts off": Text(zh="已关闭流量提醒", en="data alerts switched off"),
    "data alerts on": Text(zh="已开通流量提醒", en="data alerts switched on"),
    "doubted": Text(zh="已登记扣费质疑", en="fee doubted"),
    "doubted late": Text(zh="质疑超过时限，已转为投诉", en="fee doubted late: complaint opened"),
    "dropped: too many": Text(zh="过于频繁，已丢弃", en="dropped: too many"),
    "former customer": Text(zh="原机主的短信，仅作记录", en="a former customer’s: recorded only"),
    "incomplete": Text(zh="未收全", en="incomplete"),
    "kept": Text(zh="稍后处理", en="kept for later"),
    "no marketing": Text(zh="已退订营销短信", en="marketing refused"),
    "not a customer": Text(zh="不是客户", en="not a customer"),
    "not understood": Text(zh="未能识别", en="not understood"),
    "order confirmed": Text(zh="已确认订购", en="order confirmed"),
    "order declined": Text(zh="已放弃订购", en="order declined"),
    "order refused": Text(zh="订购未受理", en="order refused"),
    "password not changed": Text(zh="密码未修改", en="password not changed"),
    "password changed": Text(zh="密码已修改", en="password changed"),
    "preference changed": Text(zh="设置已更改", en="preference changed"),
    "refused": Text(zh="未受理", en="refused"),
    "no subscriber's number": Text(zh="不是客户号码", en="no subscriber’s number"),
    "prefix not allowed": Text(zh="不在允许的号段内", en="prefix not allowed"),
    "unreadable sender": Text(zh="无法识别的发送方号码", en="unreadable sender"),
    "repeat with other content": Text(zh="编号重复而内容不同", en="repeat with other content"),
    "repeated part": Text(zh="重复的分段", en="repeated part"),
    "several fees": Text(zh="涉及多笔费用，请客户指明", en="several fees: asked which"),
    "several questions": Text(zh="有多个待回复问题，请客户指明", en="several questions: asked which"),
    "silent: loop": Text(zh="防循环，未回复", en="silent: loop"),
    "silent: too many segments": Text(zh="条数达上限，未回复", en="silent: too many segments"),
    "spam report": Text(zh="已登记垃圾短信举报", en="spam report recorded"),
    "too late": Text(zh="已超过回复时限", en="too late"),
    "unsubscribed": Text(zh="已退订", en="unsubscribed"),
    "wrong password": Text(zh="密码错误", en="wrong password"),
}
# What becomes due, by the kind of timer.
TIMERS: Mapping[str, Text] = {
    "data-reminder": Text(zh="发送流量提醒", en="tell the data usage"),
    "fee-due": Text(zh="扣收费用", en="take the fee"),
    "fee-reminder": Text(zh="再次发送扣费提醒", en="remind of the fee again"),
    "fee-summary": Text(zh="发送信息费月度提醒", en="send the monthly summary of fees"),
    "fee-unreached": Text(zh="扣费提醒仍未送达则免收", en="waive the fee if its reminder reached nobody"),
    "held-message": Text(zh="免打扰时段结束后发送短信", en="send the message after the quiet hours"),
    "message-told:campaign": Text(zh="记录群发短信的送达结果", en="note the outcome of the campaign’s message"),
    "message-told:charge": Text(zh="记录扣费提醒的送达结果", en="note the outcome of the fee reminder"),
    "message-told:order": Text(zh="记录确认短信的送达结果", en="note the outcome of the question"),
    "message-unanswered": Text(zh="送达情况仍不明则生成工单", en="open a ticket if the outcome is still unknown"),
    "new-terms": Text(zh="询问是否接受资费变更", en="ask about the new terms"),
    "order-expiry": Text(zh="订购确认失效", en="let the unconfirmed order expire"),
    "refund-second-half": Text(zh="退还余款", en="pay the second half"),
    "subscription-end": Text(zh="业务停止", en="end the service"),
    "suspension-notice": Text(zh="再次发送停机提醒", en="announce the stop again"),
    "suspension-over": Text(zh="停机预告到期", en="close the announcement of the stop"),
    "terms-day": Text(zh="资费变更生效日", en="apply the new terms, or end the service"),
    "ticket-deadline": Text(zh="检查工单时限", en="check the ticket’s deadline"),
    "trial-end": Text(zh="体验到期", en="end the trial"),
    "trial-question": Text(zh="询问体验到期后是否继续", en="ask whether to go on after the trial"),
}
