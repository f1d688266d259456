"""Replies to spam reports (flows.md 12)."""

from app.domain.texts.wording import Text

RECEIVED = Text(
    zh="您举报的信息已收到并记录，感谢您的支持。",
    en="Your report was received and recorded. Thank you.",
)
WITHOUT_NUMBER = Text(
    zh="您举报的信息已收到并记录。为便于核实，请按“号码*内容”的格式发送被举报的号码和内容。",
    en="Your report was received and recorded. To let us follow it up, please send it in the format number*content.",
)
