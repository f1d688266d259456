"""Tests of software against a 10086 of their own: phones, a clock that moves, signed events.

With pytest, ask for the fixtures ``handset`` and ``smsgw``. Without it::

    from smsgw_testkit import gateway

    with gateway() as smsgw:
        print(smsgw.handset("13800138000").send("0000").text)

Names are imported when they are used: the plugin adds little to a run that uses none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgw_testkit.carrier import Carrier, Submission
    from smsgw_testkit.clock import Arrivals, Clock
    from smsgw_testkit.errors import (
        ClockError,
        EventMissing,
        GatewayBusy,
        GatewayDied,
        GatewayNotFound,
        GatewayTrouble,
        NoMessage,
        Refused,
        SmsgwError,
    )
    from smsgw_testkit.events import Event, Events
    from smsgw_testkit.gateways import Gateway
    from smsgw_testkit.handset import Handset
    from smsgw_testkit.messages import Item, Message, Messages
    from smsgw_testkit.network import Network
    from smsgw_testkit.records import Campaign, Charge, Evidence, Order, Subscription, Ticket
    from smsgw_testkit.running.finding import Choice
    from smsgw_testkit.starting import gateway

_PLACES = {
    "carrier": ("Carrier", "Submission"),
    "clock": ("Arrivals", "Clock"),
    "errors": (
        "ClockError",
        "EventMissing",
        "GatewayBusy",
        "GatewayDied",
        "GatewayNotFound",
        "GatewayTrouble",
        "NoMessage",
        "Refused",
        "SmsgwError",
    ),
    "events": ("Event", "Events"),
    "running.finding": ("Choice",),
    "gateways": ("Gateway",),
    "handset": ("Handset",),
    "messages": ("Item", "Message", "Messages"),
    "network": ("Network",),
    "records": ("Campaign", "Charge", "Evidence", "Order", "Subscription", "Ticket"),
    "starting": ("gateway",),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "Arrivals",
    "Campaign",
    "Carrier",
    "Charge",
    "Choice",
    "Clock",
    "ClockError",
    "Event",
    "EventMissing",
    "Events",
    "Evidence",
    "Gateway",
    "GatewayBusy",
    "GatewayDied",
    "GatewayNotFound",
    "GatewayTrouble",
    "Handset",
    "Item",
    "Message",
    "Messages",
    "Network",
    "NoMessage",
    "Order",
    "Refused",
    "SmsgwError",
    "Submission",
    "Subscription",
    "Ticket",
    "gateway",
]


def __getattr__(name: str) -> object:
    if name not in _PLACE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACE_OF[name]}"), name)
