"""Texts about the service password: XGMM, and one that staff set. No text contains a password (flows.md 11)."""

from datetime import datetime

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

HELP = Text(zh="XGMM 修改服务密码", en="XGMM change password")
FORMAT = Text(
    zh="格式不正确，服务密码未修改。请发送：XGMM#旧密码#新密码#新密码，密码为6位数字。",
    en="The format is wrong; your password was not changed. Send XGMM#old#new#new, each password six digits.",
)
DIFFERENT = Text(
    zh="两次输入的新密码不一致，服务密码未修改。请重新发送：XGMM#旧密码#新密码#新密码。",
    en="The two new passwords do not match; your password was not changed. Send XGMM#old#new#new again.",
)
EASY = Text(
    zh="新密码过于简单，服务密码未修改。密码不能是6个相同数字、连续数字或您号码中的数字，请更换后重新发送：XGMM#旧密码#新密码#新密码。",
    en="The new password is too simple; your password was not changed. It must not be one repeated digit, consecutive digits or part of your number. Choose another and send XGMM#old#new#new.",
)
CHANGED = Text(
    zh="您的服务密码已修改成功，请使用新密码并妥善保管。如非本人操作，请立即联系我们。",
    en="Your service password was changed. If this was not you, please contact us at once.",
)
NONE_YET = Text(
    zh="您尚未设置服务密码，无法通过短信修改。请携带本人有效证件到营业厅设置。",
    en="You have no service password yet, so it cannot be changed by SMS. Please set one at a store, with your ID card.",
)
PASSWORD_SET = Text(
    zh="您好！您的号码已设置服务密码。如非本人办理，请尽快联系我们。",
    en="A service password was set for your number. If this was not you, please contact us soon.",
)
_WRONG = Text(
    zh="旧密码不正确，服务密码未修改。今天还可再试{left}次。",
    en="The old password is wrong; your password was not changed. You can try {left} more times today.",
)
_WRONG_ONCE_LEFT = Text(
    zh="旧密码不正确，服务密码未修改。今天还可再试1次。",
    en="The old password is wrong; your password was not changed. You can try once more today.",
)
_LOCKED_NOW = Text(
    zh="旧密码不正确，服务密码未修改。因连续输错，密码修改已锁定，请于明天({day})再试。",
    en="The old password is wrong; your password was not changed. After too many wrong tries, password changes are locked until tomorrow, {day}.",
)
_LOCKED = Text(
    zh="因密码多次输错，密码修改已锁定，服务密码未修改。请于明天({day})再试。",
    en="After too many wrong tries, password changes are locked until tomorrow, {day}; your password was not changed.",
)


def wrong(language: Language, left: int, tomorrow: datetime) -> str:
    """Return that the old password was wrong; ``left`` tries are left today. ``tomorrow`` is UTC."""
    if left <= 0:
        return _LOCKED_NOW.say(language, day=wording.day(language, tomorrow))
    return _WRONG_ONCE_LEFT.say(language) if left == 1 else _WRONG.say(language, left=str(left))


def locked(language: Language, tomorrow: datetime) -> str:
    """Return that no try is left today; ``tomorrow`` is UTC."""
    return _LOCKED.say(language, day=wording.day(language, tomorrow))
