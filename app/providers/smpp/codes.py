"""What a command_status means (carriers.md 5.5)."""

from collections.abc import Mapping

from app.providers.base import Refused, RefusedForNow
from app.providers.session.dialect import End, EndKind
from app.providers.session.options import Meaning

_NAMES = {
    0x01: "RINVMSGLEN", 0x02: "RINVCMDLEN", 0x03: "RINVCMDID", 0x04: "RINVBNDSTS", 0x05: "RALYBND",
    0x06: "RINVPRTFLG", 0x07: "RINVREGDLVFLG", 0x08: "RSYSERR", 0x0A: "RINVSRCADR", 0x0B: "RINVDSTADR",
    0x0C: "RINVMSGID", 0x0D: "RBINDFAIL", 0x0E: "RINVPASWD", 0x0F: "RINVSYSID", 0x11: "RCANCELFAIL",
    0x13: "RREPLACEFAIL", 0x14: "RMSGQFUL", 0x15: "RINVSERTYP", 0x33: "RINVNUMDESTS", 0x34: "RINVDLNAME",
    0x40: "RINVDESTFLAG", 0x42: "RINVSUBREP", 0x43: "RINVESMCLASS", 0x44: "RCNTSUBDL", 0x45: "RSUBMITFAIL",
    0x48: "RINVSRCTON", 0x49: "RINVSRCNPI", 0x50: "RINVDSTTON", 0x51: "RINVDSTNPI", 0x53: "RINVSYSTYP",
    0x54: "RINVREPFLAG", 0x55: "RINVNUMMSGS", 0x58: "RTHROTTLED", 0x61: "RINVSCHED", 0x62: "RINVEXPIRY",
    0x63: "RINVDFTMSGID", 0x64: "RX_T_APPN", 0x65: "RX_P_APPN", 0x66: "RX_R_APPN", 0x67: "RQUERYFAIL",
    0xC0: "RINVOPTPARSTREAM", 0xC1: "ROPTPARNOTALLWD", 0xC2: "RINVPARLEN", 0xC3: "RMISSINGOPTPARAM",
    0xC4: "RINVOPTPARAMVAL", 0xFE: "RDELIVERYFAILURE", 0xFF: "RUNKNOWNERR",
}  # fmt: skip
# The carrier is too busy.
_THROTTLE = frozenset({0x14, 0x58})
_LATER = frozenset({0x08, 0x45, 0x64, 0xFF, 0x0102})
# The session is in a state in which nothing can be submitted.
_REBIND = frozenset({0x04, 0x05, 0x0D, 0x0E, 0x0F})
# Our settings are wrong, not the message; what to look at.
SETTINGS: Mapping[int, str] = {
    0x06: "no setting: the priority is not accepted",
    0x07: "no setting: receipts are not allowed",
    0x0A: "access_number",
    0x15: "service_type",
    0x48: "source.ton",
    0x49: "source.npi",
    0x53: "system_type",
    0x54: "no setting: the flag for replacing is not accepted",
    0x61: "no setting: the time of delivery is not accepted",
    0x62: "no setting: the validity period is not accepted",
    0xC0: "tlvs and long",
    0xC1: "tlvs and long",
    0xC2: "tlvs and long",
    0xC3: "tlvs",
    0xC4: "tlvs",
}
# Of a bind that is refused for who we are.
_IDENTITY = frozenset({0x0D, 0x0E, 0x0F, 0x53})
_WRONG_SYSTEM_TYPE = 0x53
_ALREADY_BOUND, _NO_SUCH_COMMAND = 0x05, 0x03
_TWO_DIGITS = 0xFF


def name_of(status: int) -> str:
    """Return a status as staff see it: ``RINVDSTADR 0x0B``, or ``0x00000455`` for one without a name."""
    name = _NAMES.get(status)
    return f"0x{status:08X}" if name is None else f"{name} 0x{status:02X}"


def refusal(status: int, meanings: Mapping[int, Meaning]) -> Refused | RefusedForNow:
    """Return what a status other than 0 makes of a segment. ``meanings`` are those of the settings."""
    meaning = meanings.get(status)
    if meaning == "throttle" or (meaning is None and status in _THROTTLE):
        return RefusedForNow(name_of(status), throttled=True)
    if meaning == "later" or (meaning is None and (status in _LATER or status in _REBIND or status in SETTINGS)):
        return RefusedForNow(name_of(status))
    return Refused(name_of(status))


def end_after(status: int) -> End | None:
    """Return the end of the session that an answer to a submit demands; None: it goes on."""
    return End(EndKind.STATE, f"submits are refused with {name_of(status)}") if status in _REBIND else None


def bind_refusal(status: int, *, is_transceiver: bool) -> End:
    """Return why a bind is refused."""
    said = f"the carrier refused the bind with {name_of(status)}"
    if status in _IDENTITY:
        check = "check system_id, secret and system_type"
        return End(EndKind.IDENTITY, f"{said}; {check}", blames_secret=status != _WRONG_SYSTEM_TYPE)
    if status == _ALREADY_BOUND:
        return End(EndKind.ALREADY_BOUND, f"{said}; an earlier session lives there, or binds is above what is allowed")
    if status == _NO_SUCH_COMMAND and is_transceiver:
        return End(EndKind.NO_SUCH_BIND, f"{said}; it knows no transceiver")
    return End(EndKind.LINK, said)
