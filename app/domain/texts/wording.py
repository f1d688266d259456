"""Texts in two languages, and how days, times, prices and enumerations are written in each.

Times are given in UTC and written in Shanghai time. Amounts are given in fen.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.domain.account import Brand, Language
from app.domain.calendar import local
from app.domain.catalogue import Billing
from app.domain.money import in_yuan
from app.domain.names import ends_in_numeral
from app.domain.values import value

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@value
class Text:
    """A text in both languages; ``say`` fills in its ``{placeholders}``."""

    zh: str
    en: str

    def say(self, language: Language, **facts: str) -> str:
        """Return the text in a language, with the placeholders replaced by ``facts``."""
        text = self.en if language is Language.EN else self.zh
        return text.format(**facts) if facts else text


BRANDS = {
    Brand.GOTONE: Text(zh="全球通", en="GoTone"),
    Brand.MZONE: Text(zh="动感地带", en="M-Zone"),
    Brand.EASYOWN: Text(zh="神州行", en="Easyown"),
}
_UNITS = {
    Billing.MONTHLY: Text(zh="月", en="month"),
    Billing.PER_USE: Text(zh="次", en="use"),
    Billing.FREE: Text(zh="月", en="month"),
}
_YUAN = Text(zh="{amount}元", en="CNY{amount}")
_YUAN_AND_FEN = Text(zh="{yuan}元{rest}分", en="{fen}fen")
# Keeps a name apart from the price after it. In English every name is followed by a blank or a colon anyway.
_SET_APART = Text(zh="{name} ", en="{name}")
_NAMES = Text(zh="、", en=", ")
_MATTERS = Text(zh="；", en="; ")
_SENTENCE = Text(zh="{words}。", en="{words}. ")
_CLOSED_ALREADY = Text(zh="{words}", en="{words} ")
_LEFT_OPEN = " ；;，,"
_CLOSED = ("。", ".", "！", "!", "？", "?", "…")


def day(language: Language, moment: datetime) -> str:
    """Return a day without its year: ``03月31日``, ``March 31``.

    No blank follows the number, as programs that read listings take a digit and a blank for an item (flows.md 17).
    """
    here = local(moment)
    return f"{here:%m月%d日}" if language is Language.ZH else f"{_MONTHS[here.month - 1]} {here.day}"


def day_of_year(language: Language, moment: datetime) -> str:
    """Return a day with its year: ``2026年03月31日``, ``March 31, 2026``."""
    here = local(moment)
    return f"{here:%Y年%m月%d日}" if language is Language.ZH else f"{day(language, moment)}, {here.year}"


def month(language: Language, moment: datetime) -> str:
    """Return a month without its year: ``03月``, ``March``."""
    here = local(moment)
    return f"{here:%m月}" if language is Language.ZH else _MONTHS[here.month - 1]


def month_of_year(language: Language, moment: datetime) -> str:
    """Return a month with its year: ``2026年03月``, ``March 2026``."""
    here = local(moment)
    return f"{here:%Y年%m月}" if language is Language.ZH else f"{month(language, moment)} {here.year}"


def month_seen_from(language: Language, moment: datetime, now: datetime) -> str:
    """Return a month, with its year if that differs from the year of ``now``: ``03月``, ``25年12月``, ``December '25``.

    The year has two digits only, as four could be mistaken for the code of a charge.
    """
    words, here = month(language, moment), local(moment)
    if here.year == local(now).year:
        return words
    return f"{here:%y}年{words}" if language is Language.ZH else f"{words} '{here:%y}"


def minute(language: Language, moment: datetime) -> str:
    """Return a time to the minute: ``03月31日10时05分``, ``March 31, 10:05``."""
    here = local(moment)
    return f"{here:%m月%d日%H时%M分}" if language is Language.ZH else f"{day(language, moment)}, {here:%H:%M}"


def minute_of_year(language: Language, moment: datetime) -> str:
    """Return a time to the minute, with its year: ``2026年03月31日10时05分``, ``March 31, 2026, 10:05``."""
    here = local(moment)
    return (
        f"{here:%Y年%m月%d日%H时%M分}" if language is Language.ZH else f"{day_of_year(language, moment)}, {here:%H:%M}"
    )


def duration(language: Language, length: timedelta) -> str:
    """Return a duration in hours if these are whole, else in minutes: ``2小时``, ``two hours``, ``48h``, ``90min``.

    No blank follows a number, as in ``day``.
    """
    hours = length % _HOUR == timedelta(0)
    count = length // (_HOUR if hours else _MINUTE)
    if language is Language.ZH:
        return f"{count}小时" if hours else f"{count}分钟"
    unit = ("hour" if hours else "minute") + ("" if count == 1 else "s")
    return f"{_SMALL[count]} {unit}" if count < len(_SMALL) else f"{count}{unit[0] if hours else 'min'}"


def yuan(language: Language, fen: int) -> str:
    """Return an amount in yuan: ``5元``, ``CNY5``."""
    return _YUAN.say(language, amount=in_yuan(fen))


def before_price(language: Language, name: str) -> str:
    """Return a name as it is written before a price: ``影视365 1元``, so that nobody reads 3651元 (safety.md 29)."""
    return _SET_APART.say(language, name=name) if ends_in_numeral(name) else name


def yuan_without_point(language: Language, fen: int) -> str:
    """Return an amount without a point, which would look like an item number: ``19元90分``, ``1990fen``."""
    whole, rest = divmod(fen, 100)
    if rest == 0:
        return yuan(language, fen)
    return _YUAN_AND_FEN.say(language, yuan=str(whole), rest=str(rest), fen=str(fen))


def price(language: Language, fen: int, billing: Billing) -> str:
    """Return a price with its unit: ``5元/月``, ``CNY5/month``."""
    return f"{yuan(language, fen)}/{unit(language, billing)}"


def unit(language: Language, billing: Billing) -> str:
    """Return the unit of a price: ``月``, ``month``."""
    return _UNITS[billing].say(language)


def names(language: Language, words: Iterable[str]) -> str:
    """Return an enumeration of names: ``彩铃、手机报``."""
    return _NAMES.say(language).join(words)


def matters(language: Language, words: Iterable[str]) -> str:
    """Join clauses about different matters, such as the lines of a menu."""
    return _MATTERS.say(language).join(words)


def sentence(language: Language, words: str) -> str:
    """Return words, such as staff typed, as a sentence: with a full stop unless they end in one."""
    bare = words.rstrip(_LEFT_OPEN)
    return (_CLOSED_ALREADY if bare.endswith(_CLOSED) else _SENTENCE).say(language, words=bare)


def closed(language: Language, clauses: Sequence[str]) -> list[str]:
    """Return clauses, the last of them as a sentence: what follows is about something else."""
    return [*clauses[:-1], *(sentence(language, clause) for clause in clauses[-1:])]
