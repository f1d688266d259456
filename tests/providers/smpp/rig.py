"""The rig of sessions, with SMPP."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from ssl import SSLContext
from typing import Any

from app.providers.session.times import Times
from app.providers.smpp.adapter import SmppProvider
from app.toys.smsc import Message, Pdu, Session, Smsc, read_submit
from tests.providers.session import rig
from tests.providers.session.carriers import SMPP
from tests.providers.session.rig import TIMES, Rig

OPTIONS = SMPP.options
Behaviour = Callable[[Session, Pdu], None]
SmppRig = Rig[Smsc, Session, Pdu]


def make(port: int, times: Times = TIMES, /, **options: object) -> SmppProvider:
    made = rig.make(SMPP, port, times, **options)
    assert isinstance(made, SmppProvider)
    return made


def listening(
    behaviour: Behaviour | None = None, *, tls: SSLContext | None = None
) -> AbstractAsyncContextManager[Smsc]:
    return rig.listening(SMPP, behaviour, tls=tls)


def bound(behaviour: Behaviour | None = None, **given: Any) -> AbstractAsyncContextManager[SmppRig]:  # noqa: ANN401  rig.bound knows
    return rig.bound(SMPP, behaviour, **given)


def read(this: SmppRig) -> list[Message]:
    """Return the fields of all submits."""
    return [read_submit(pdu.body) for pdu in this.submits]
