"""The settings that change what commands do, as values."""

from collections.abc import Mapping
from dataclasses import field
from datetime import time, timedelta

from app.domain.calendar import QuietHours
from app.domain.catalogue import ConfirmMode
from app.domain.service_numbers import ServiceNumbers
from app.domain.texts.wording import Text
from app.domain.values import value


@value
class Policy:
    """Settings of this deployment (http-api.md, the settings file); durations are exact, not calendar.

    ``menu`` is what help lists: the commands' own lines, commonest first. ``data_thresholds``: percent of a plan at
    which its customer is told (flows.md 9). ``fee_summary_time`` is one in Shanghai. ``low_balance_fen``: below it a
    prepaid customer is told (flows.md 16).
    """

    numbers: ServiceNumbers = field(default_factory=ServiceNumbers)
    listing_window: timedelta = timedelta(hours=2)
    confirmation_window: timedelta = timedelta(hours=24)
    confirm_mode: ConfirmMode = ConfirmMode.FIXED
    fee_window: timedelta = timedelta(hours=1)
    fee_summary_time: time = time(10, 0)
    trial_notice: timedelta = timedelta(days=3)
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    allow_unsubscribe_all: bool = True
    list_in_plan: bool = True
    menu_max_segments: int = 5
    auto_create_subscribers: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    menu: tuple[Text, ...] = ()
    data_thresholds: tuple[int, ...] = (50, 80, 90, 100)
    low_balance_fen: int = 1000


@value
class ProviderTraits:
    """What a turn must know of the provider that carries the dialogue (flows.md 1, safety.md 20)."""

    name: str
    single_number: bool = False
    free_mo: bool = False


@value
class RetentionPeriods:
    """How long evidence keeps its payloads, and messages their texts; 6 months at least, unless a law says less."""

    evidence: timedelta = timedelta(days=183)
    messages: timedelta = timedelta(days=183)
