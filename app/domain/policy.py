"""The settings that commands depend on, as values."""

from collections.abc import Mapping
from dataclasses import field
from datetime import time, timedelta

from app.domain.calendar import QuietHours
from app.domain.catalogue import ConfirmMode
from app.domain.service_numbers import ServiceNumbers
from app.domain.texts.sign_off import SignOff
from app.domain.texts.wording import Text
from app.domain.values import value


@value
class Policy:
    """Settings of this deployment for commands (http-api.md, the settings file).

    Attributes:
        numbers: the access number and its extensions.
        listing_window: how long a listing can be answered.
        confirmation_window: how long an order can be confirmed.
        confirm_mode: how orders are confirmed, unless their SP has a mode of its own.
        fee_window: how long a charge can be disputed after its reminder.
        fee_summary_time: when the monthly fee summary is sent, in Shanghai time.
        trial_notice: how long before its end a trial is asked about.
        quiet_hours: when only replies, results and confirmations are sent.
        allow_unsubscribe_all: whether ``全部`` answers a listing.
        list_in_plan: whether listings show services in the plan.
        menu_max_segments: the most segments of one message; a longer text is split into several.
        auto_create_subscribers: whether an unknown number becomes a subscriber with its first MO.
        aliases: further keywords of this deployment, each with the keyword that it stands for.
        keywords: all keywords and aliases of commands, normalised; no code is one of them.
        menu: the lines of ``HELP``, the most common command first.
        data_thresholds: percentages of a data plan at which its subscriber gets an alert (flows.md 9).
        low_balance_fen: the balance in fen below which a prepaid subscriber gets a notice (flows.md 16).
        sign_off: the name that every message carries.
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
    keywords: frozenset[str] = frozenset()
    menu: tuple[Text, ...] = ()
    data_thresholds: tuple[int, ...] = (50, 80, 90, 100)
    low_balance_fen: int = 1000
    sign_off: SignOff = field(default_factory=SignOff)


@value
class ProviderTraits:
    """The traits of the provider that a turn's replies are sent through (flows.md 1, safety.md 20).

    Attributes:
        name: its name in the settings.
        single_number: it has no extensions; everything is sent from and to the access number.
        free_mo: replies cost subscribers nothing, and texts say so.
    """

    name: str
    single_number: bool = False
    free_mo: bool = False


@value
class Spans:
    """How long the time of a partition of messages is, and for how many more of them there are to be partitions."""

    length: timedelta
    ahead: int


@value
class RetentionPeriods:
    """The time for which the payloads of evidence and the texts of messages are stored: 183 days by default."""

    evidence: timedelta = timedelta(days=183)
    messages: timedelta = timedelta(days=183)
