"""The sign-off: the operator's name, which every message carries at its end or in front."""

from enum import StrEnum

from app.domain.account import Language
from app.domain.segments import Encoding, measure
from app.domain.texts.wording import Text
from app.domain.values import value


class Place(StrEnum):
    """Where messages carry the sign-off."""

    END = "end"
    FRONT = "front"


_AT_END = Text(zh="{text}{name}", en="{text} {name}")
_IN_FRONT = "\u3010{name}\u3011{text}"
# Full-width brackets would turn a GSM-7 message into a UCS-2 one with twice the segments.
_IN_FRONT_GSM7 = "[{name}] {text}"


@value
class SignOff:
    """A sign-off; ``name`` is the operator's name in both languages, empty for none."""

    name: Text = Text(zh="中国移动", en="China Mobile")
    place: Place = Place.END

    def sign(self, language: Language, text: str) -> str:
        """Return a text with the sign-off."""
        name = self.name.say(language)
        if not name:
            return text
        if self.place is Place.END:
            return _AT_END.say(language, text=text, name=name)
        gsm7 = measure(name + text).encoding is Encoding.GSM7
        return (_IN_FRONT_GSM7 if gsm7 else _IN_FRONT).format(text=text, name=name)
