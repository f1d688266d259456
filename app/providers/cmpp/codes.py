"""What the Status of CONNECT_RESP and the Result of SUBMIT_RESP mean (carriers.md 6.1, 6.5)."""

from collections.abc import Mapping

from app.providers.base import Refused, RefusedForNow
from app.providers.cmpp.pdu import Version
from app.providers.session.dialect import End, EndKind
from app.providers.session.options import Meaning

# Of SUBMIT_RESP [C 8.4.3.2].
_NAMES = {
    1: "structure",
    2: "command",
    3: "sequence number repeated",
    4: "message length",
    5: "fee code",
    6: "message too long",
    7: "service_id",
    8: "flow control",
    9: "number not served",
    10: "Src_Id",
    11: "Msg_src",
    12: "Fee_terminal_Id",
    13: "Dest_terminal_Id",
}
_THROTTLE = frozenset({8})
# The next attempt has another sequence number.
_LATER = frozenset({3})
# Our settings are wrong, not the message; what to look at.
SETTINGS: Mapping[int, str] = {
    5: "fee",
    7: "service_id",
    10: "access_number",
    11: "sp_id",
    12: "fee.user_type",
}
# Of CONNECT_RESP [C 8.4.1.2].
_WHY = {1: "structure", 2: "source address", 3: "authentication", 4: "version too high"}
_NOT_AUTHENTIC, _VERSION_TOO_HIGH = 3, 4


def name_of(result: int) -> str:
    """Return a result as staff see it: ``CMPP 13 Dest_terminal_Id``, or ``CMPP 100`` for one without a name."""
    name = _NAMES.get(result)
    return f"CMPP {result}" if name is None else f"CMPP {result} {name}"


def refusal(result: int, meanings: Mapping[int, Meaning]) -> Refused | RefusedForNow:
    """Return what a result other than 0 makes of a segment. ``meanings`` are those of the settings."""
    meaning = meanings.get(result)
    if meaning == "throttle" or (meaning is None and result in _THROTTLE):
        return RefusedForNow(name_of(result), throttled=True)
    if meaning == "later" or (meaning is None and (result in _LATER or result in SETTINGS)):
        return RefusedForNow(name_of(result))
    return Refused(name_of(result))


def connect_refusal(status: int, version: int) -> End:
    """Return why a CONNECT is refused; ``version`` is the one that the carrier says it has, 0 if it says none."""
    why = _WHY.get(status)
    said = f"the carrier refused the connect with status {status}{f' ({why})' if why else ''}"
    if status == _VERSION_TOO_HIGH:
        has = f"; it has version {shown(version)}" if version else ""
        return End(EndKind.IDENTITY, f"{said}{has}; set version to what the carrier has")
    if why:
        check = "check sp_id, secret and the address that we come from"
        return End(EndKind.IDENTITY, f"{said}; {check}", blames_secret=status == _NOT_AUTHENTIC)
    return End(EndKind.LINK, said)


def shown(version: int) -> str:
    """Return a version as people write it."""
    return f"{version >> 4}.{version & 0xF}"


def is_ours(version: int, ours: Version) -> bool:
    """Whether the carrier's version is the one of the settings."""
    return version == ours.octet
