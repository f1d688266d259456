"""Toy carriers, written from the standards: for tests and demos, on loopback. They share no code with the adapters.

``TOYS`` has those that can stand beside a demo, by the kind of the provider that speaks to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.toys.carrier import ToyCarrier


@dataclass(frozen=True)
class Toy:
    """A toy: where it usually listens, and what imports its class, with all that it needs."""

    default_port: int
    load: Callable[[], type[ToyCarrier]]


def _smpp() -> type[ToyCarrier]:
    from app.toys.smpp import SmppToy  # noqa: PLC0415  only for who runs one

    return SmppToy


def _cmpp() -> type[ToyCarrier]:
    from app.toys.cmpp import CmppToy  # noqa: PLC0415  only for who runs one

    return CmppToy


def _kannel() -> type[ToyCarrier]:
    from app.toys.kannel import KannelToy  # noqa: PLC0415  only for who runs one

    return KannelToy


TOYS: Mapping[str, Toy] = {"smpp": Toy(2775, _smpp), "cmpp": Toy(7890, _cmpp), "kannel": Toy(13013, _kannel)}
