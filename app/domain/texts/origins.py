"""Texts of ``查2``: when and through which channel a service was ordered, and how it was confirmed (flows.md 5.2)."""

from datetime import datetime

from app.domain.account import Language
from app.domain.subscriptions import Channel
from app.domain.texts import wording
from app.domain.texts.wording import Text

_CHANNELS = {
    Channel.SMS: Text(zh="短信", en="SMS"),
    Channel.WEB: Text(zh="网站", en="the website"),
    Channel.WAP: Text(zh="WAP", en="WAP"),
    Channel.APP: Text(zh="手机应用", en="the app"),
    Channel.AGENT: Text(zh="客服人员", en="an agent"),
    Channel.SP: Text(zh="服务提供商", en="the service provider"),
}
_ORDERED = Text(zh="{name}于{day}通过{channel}开通，", en="{name} was ordered on {day} via {channel}, ")
_CONFIRMED = Text(zh="由本号码短信回复“{answer}”确认。", en='confirmed by SMS from this number with "{answer}".')
_IMPORTED = Text(
    zh="{day}由原系统转入，确认记录在原系统。",
    en="transferred on {day} from our former system, which holds the confirmation.",
)
_UNKNOWN = Text(zh="没有确认记录，如有疑问请发送0000退订。", en="no confirmation is on record. Send 0000 to stop it.")


def ordered(language: Language, name: str, day: datetime, channel: Channel) -> str:
    """Return when (UTC) and how a service was ordered: a clause that one of the other functions completes."""
    return _ORDERED.say(
        language, name=name, day=wording.day_of_year(language, day), channel=_CHANNELS[channel].say(language)
    )


def confirmed(language: Language, answer: str) -> str:
    """Return that it was confirmed by this answer."""
    return _CONFIRMED.say(language, answer=answer)


def imported(language: Language, day: datetime) -> str:
    """Return that it was imported from another system at ``day`` (UTC)."""
    return _IMPORTED.say(language, day=wording.day_of_year(language, day))


def not_on_record(language: Language) -> str:
    """Return that no confirmation is on record."""
    return _UNKNOWN.say(language)
