"""User data of an MO: with a header, or with optional parameters that say which part it is (carriers.md 5.6)."""

from app.domain.parts import PartOf
from app.providers.session.user_data import WIDE, UserData, behind_header, part_of
from app.providers.smpp.pdu import Received, Tag

_UDHI = 0x40
SAR = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)


def user_data_of(received: Received) -> UserData:
    """Return the user data. A header that says nothing sensible is left out, and the rest is a plain message."""
    octets = received.text
    if received.esm_class & _UDHI and octets:
        return behind_header(octets)
    return UserData(octets, _sar(received))


def _sar(received: Received) -> PartOf | None:
    given = [received.tlvs.get(tag, b"") for tag in SAR]
    if [len(one) for one in given] != [2, 1, 1]:
        return None
    reference, total, number = map(int.from_bytes, given)
    return part_of(reference, WIDE, total, number)
