"""Texts that say why an order is refused (flows.md 6)."""

from app.domain.orders import OrderKind, Reason
from app.domain.texts.wording import Text

# The subscriber has the service, but it ends: for certain, or unless an open question is answered with yes.
HELD_UNTIL = Text(
    zh="您已订购{name}，可用至{end}，届时停止。查询请发送0000。",
    en="You already have {name}: it runs until {end} and stops then. Send 0000 to see your services.",
)
HELD_UNLESS_ANSWERED = Text(
    zh="您已订购{name}，可用至{end}。如需继续使用，请在此前回复确认短信({number})。",
    en="You already have {name}: it runs until {end}. To keep it, reply to our message from {number} before then.",
)
REFUSED = {
    Reason.SUSPENDED: Text(
        zh="您的号码已停机，暂不能订购{name}，未收费。复机后请重新订购。",
        en="Your number is suspended: {name} was not ordered and nothing is charged. Please order again once it is active.",
    ),
    Reason.WITHDRAWN_SERVICE: Text(
        zh="{name}已下线，不能订购，未收费。查询可订购业务请发送1111。",
        en="{name} is no longer on offer and was not ordered. Send 1111 for available services.",
    ),
    Reason.ALREADY_SUBSCRIBED: Text(
        zh="您已订购{name}，无需重复订购。查询请发送0000。",
        en="You already have {name}. Send 0000 to see your services.",
    ),
    Reason.ALREADY_WAITING: Text(
        zh="{name}正在等待您确认，请回复此前的确认短信({number})。",
        en="{name} is already awaiting your confirmation: please reply to our message from {number}.",
    ),
    Reason.BALANCE_TOO_LOW: Text(
        zh="您的话费余额不足{fee}，未能订购{name}，未收费。充值后请重新订购。",
        en="Your balance is below {fee}: {name} was not ordered and nothing is charged. Please top up and order again.",
    ),
    Reason.TOO_MANY_ORDERS: Text(
        zh="您近期订购过于频繁，暂不能订购{name}，未收费。请几天后再试。",
        en="Too many recent orders: {name} was not ordered and nothing is charged. Please try again in a few days.",
    ),
    Reason.SERVICE_ENDED: Text(
        zh="{name}已停止，不能继续使用，未收费。查询可订购业务请发送1111。",
        en="{name} has ended and cannot be continued; nothing is charged. Send 1111 for available services.",
    ),
}  # fmt: skip

# Refused changes of a service that the subscriber has: until when a yes is possible, and what happens without it.
REFUSED_CHANGE = {
    (OrderKind.TRIAL, Reason.SUSPENDED): Text(
        zh="您的号码已停机，暂不能确认继续使用{name}，未收费。复机后请在{until}前再次回复{yes}确认，否则体验期满后停止，不收费。",
        en="Your number is suspended, so we cannot accept your confirmation of {name} now; nothing is charged. Once it is active again reply {yes} before {until}; otherwise {name} stops then, free of charge.",
    ),
    (OrderKind.TRIAL, Reason.BALANCE_TOO_LOW): Text(
        zh="您的话费余额不足{fee}，暂不能确认继续使用{name}，未收费。充值后请在{until}前再次回复{yes}确认，否则体验期满后停止，不收费。",
        en="Your balance is below {fee}, so we cannot accept your confirmation of {name} now; nothing is charged. Top up and reply {yes} before {until}; otherwise {name} stops then, free of charge.",
    ),
    (OrderKind.TRIAL, Reason.WITHDRAWN_SERVICE): Text(
        zh="{name}已下线，不能继续使用，将于{until}体验期满后停止，不收费。查询可订购业务请发送1111。",
        en="{name} is no longer on offer: it stops when its trial ends on {until}, free of charge. Send 1111 for available services.",
    ),
    (OrderKind.TERMS, Reason.SUSPENDED): Text(
        zh="您的号码已停机，暂不能确认{name}的新资费，现有资费未变。复机后请在{until}前再次回复{yes}同意，否则该业务届时停止，不再收费。",
        en="Your number is suspended, so we cannot accept your agreement to the new terms of {name} now; nothing has changed. Once it is active again reply {yes} before {until}; otherwise {name} stops then and nothing more is charged.",
    ),
    (OrderKind.KEEP, Reason.SUSPENDED): Text(
        zh="您的号码已停机，暂不能保留{name}，该业务仍将于{day}停止。复机后请重新订购。",
        en="Your number is suspended: {name} was not kept and still stops on {day}. Please order it again once your number is active.",
    ),
    (OrderKind.KEEP, Reason.WITHDRAWN_SERVICE): Text(
        zh="{name}已下线，不能保留，仍将于{day}停止。查询可订购业务请发送1111。",
        en="{name} is no longer on offer: it was not kept and still stops on {day}. Send 1111 for available services.",
    ),
}  # fmt: skip
