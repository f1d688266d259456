"""Toy carriers, written from the standards: for tests and demos, on loopback. They share no code with the adapters.

``TOYS`` has those that can stand beside a demo, by the kind of the provider that speaks to them.
"""

from collections.abc import Mapping

from app.toys.carrier import ToyCarrier
from app.toys.kannel import KannelToy
from app.toys.smpp import SmppToy

TOYS: Mapping[str, type[ToyCarrier]] = {SmppToy.kind: SmppToy, KannelToy.kind: KannelToy}
