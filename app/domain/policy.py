"""The settings that change what commands do, as values."""

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta

from app.domain.calendar import QuietHours
from app.domain.service_numbers import ServiceNumbers
from app.domain.texts.wording import Text
from app.domain.values import value


@value
class Policy:
    """Settings of this deployment (http-api.md, the settings file); durations are exact, not calendar.

    ``menu`` is what help lists: the commands' own lines, commonest first.
    """

    numbers: ServiceNumbers = field(default_factory=ServiceNumbers)
    listing_window: timedelta = timedelta(hours=2)
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    allow_unsubscribe_all: bool = True
    list_in_plan: bool = True
    menu_max_segments: int = 5
    auto_create_subscribers: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    menu: tuple[Text, ...] = ()


@value
class Carrier:
    """What a turn must know of the provider that carries the dialogue (flows.md 1, safety.md 20)."""

    name: str
    single_number: bool = False
    free_mo: bool = False
