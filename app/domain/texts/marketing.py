"""Texts about consent to marketing messages (flows.md 15)."""

from app.domain.texts.wording import Text

NO_CONSENT = Text(
    zh="您目前没有同意接收营销短信的记录，我们不会向您发送营销短信。查询和退订业务请发送0000到10086。",
    en="We have no record of your consent to marketing, so you will not receive any. For your services send 0000 to 10086.",
)
WITHDRAWN = Text(
    zh="您已成功退订营销短信，我们不再向您发送，排队待发的也不再下发。查询和退订业务请发送0000到10086。",
    en="You will receive no more marketing, nor any still waiting to be sent. For your services send 0000 to 10086.",
)
HOW_TO_OPT_OUT = Text(zh="拒收请回复TD至{number}。", en=" To opt out send TD to {number}.")
