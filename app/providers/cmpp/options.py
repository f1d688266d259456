"""The settings of the ``cmpp`` kind (carriers.md 2)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from app.domain.messages import MessageClass
from app.options import FileModel
from app.providers.cmpp.pdu import Version
from app.providers.session.options import Ascii, NumberFormat, SessionOptions

_DEFAULT = "default"
_CLASSES = frozenset({_DEFAULT, *MessageClass})
# What a field of the standard has room for.
ServiceId = Annotated[Ascii, StringConstraints(min_length=1, max_length=10)]


def _read_version(value: object) -> object:
    """Return the text of a version that is written without quotes."""
    return str(value) if isinstance(value, float) else value


class FeeFile(FileModel):
    """Who is charged, and how."""

    user_type: int = Field(
        default=2,
        ge=0,
        le=2,
        description="Fee_UserType: 0 the recipient is charged, 1 the sender, 2 the service provider; 3, by "
        "Fee_terminal_Id, is not for replies",
        examples=[0],
    )
    type: str = Field(
        default="01",
        pattern=r"^[0-9]{2}$",
        description="FeeType: 01 free, 02 by the message, 03 a monthly fee, 04 capped, 05 the monthly fee is charged "
        "elsewhere",
        examples=["02"],
    )
    code: str = Field(
        default="000000", pattern=r"^[0-9]{1,6}$", description="FeeCode: the fee in fen", examples=["000010"]
    )


class CmppOptions(SessionOptions):
    """CMPP 2.0 and 3.0: a session that the gateway opens, as an SP, to the carrier's ISMG."""

    default_port: ClassVar[int] = 7890

    number_format: NumberFormat = Field(
        default=NumberFormat.NATIONAL,
        description="form of recipients: national 13800138000, international 8613800138000, plus +8613800138000; "
        "numbers of other countries are never national",
        examples=["international"],
    )
    version: Annotated[Version, BeforeValidator(_read_version)] = Field(
        description="version of the protocol, as the carrier says: in the other one most fields have other lengths",
        examples=["2.0"],
    )
    sp_id: Ascii = Field(
        min_length=6,
        max_length=6,
        description="SP_Id, the enterprise code: Source_Addr of the bind and Msg_src of each message",
        examples=["901234"],
    )
    service_id: ServiceId | dict[str, ServiceId] = Field(
        description="Service_Id of messages, which decides about their fee; a section gives one for each class of "
        "message (reply, result, confirmation, notice, care, marketing) and `default` for the others",
        examples=[{"default": "HELP", "notice": "TIPS"}],
    )
    fee: FeeFile = Field(default_factory=FeeFile, description="who is charged for messages", examples=[{"code": "0"}])
    verify_ismg: bool = Field(
        default=False,
        description="true: a carrier that does not show that it knows the secret is left; false: it is only logged, as "
        "several of them compute it wrongly",
        examples=[True],
    )

    @field_validator("service_id")
    @classmethod
    def _check_classes(cls, value: str | Mapping[str, str]) -> str | Mapping[str, str]:
        if isinstance(value, str):
            return value
        if _DEFAULT not in value or not set(value) <= _CLASSES:
            raise ValueError(f"needs `default`, and may have {', '.join(MessageClass)}")
        return value

    def service_id_of(self, kind: str) -> str:
        """Return the Service_Id of a class of message."""
        given = self.service_id
        return given if isinstance(given, str) else given.get(kind, given[_DEFAULT])
