"""What a customer is told of changes that staff or systems made."""

from app.domain.texts.wording import Text

PASSWORD_SET = Text(
    zh="您好！您的号码已设置服务密码。如非本人办理，请尽快联系我们。",
    en="A service password was set for your number. If this was not you, please contact us soon.",
)
