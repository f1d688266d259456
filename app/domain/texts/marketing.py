"""Texts about consent to marketing messages (flows.md 15)."""

from app.domain.texts.wording import Text

NO_CONSENT = Text(
    zh="营销短信仅在您同意后发送，您目前没有同意记录，不会收到营销短信。查询和退订业务请发送0000到10086。",
    en="Marketing is sent only with your consent; there is none on record, so you will get none. For your services send 0000 to 10086.",
)
WITHDRAWN = Text(
    zh="您已成功退订营销短信，我们不再向您发送，已在等待的也不再发送。查询和退订业务请发送0000到10086。",
    en="You will get no more marketing, nor what was waiting to be sent. For your services send 0000 to 10086.",
)
HOW_TO_OPT_OUT = Text(zh="拒收请回复TD到{number}。", en=" To opt out send TD to {number}.")
