"""The settings of the ``smpp`` kind (carriers.md 2)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from app.options import FileModel, secret_values
from app.providers.session.alphabets import DefaultAlphabet
from app.providers.session.options import Ascii, SessionOptions, number_of
from app.providers.smpp.pdu import Tag, tlv
from app.providers.smpp.receipts import IdForm

_LONGEST_SECRET = 8
_SAR_TAGS = frozenset({Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM})
_LONGEST_TLV = 255
Octet = Annotated[int, Field(ge=0, le=255), BeforeValidator(number_of)]
TagNumber = Annotated[int, Field(ge=1, le=0xFFFF), BeforeValidator(number_of)]


class Long(StrEnum):
    """How messages of several segments are sent."""

    UDH = "udh"
    SAR = "sar"
    PAYLOAD = "payload"


class BindKind(StrEnum):
    """One session for both directions, or a pair of them."""

    TRANSCEIVER = "transceiver"
    PAIR = "tx_rx"


class TextFile(FileModel):
    """How texts are encoded."""

    gsm7: DefaultAlphabet = Field(
        default=DefaultAlphabet.GSM7,
        description="what the carrier takes data_coding 0 for, and texts of GSM-7 are sent in; none: all are sent as "
        "UCS-2. Wrong characters such as `@ _ $ £` on the handset show that it is another one",
        examples=["latin1"],
    )
    ucs2: Octet = Field(default=0x08, description="data_coding of UCS-2", examples=[24])


class SourceFile(FileModel):
    """What is said of the service number."""

    ton: Literal["auto"] | Octet = Field(
        default="auto",
        description="type of number; auto: 1 with a `+`, 5 with letters, else 3",
        examples=[0],
    )
    npi: Literal["auto"] | Octet = Field(
        default="auto", description="numbering plan; auto: 1 with a `+`, else 0", examples=[1]
    )


class MessageIdsFile(FileModel):
    """How the carrier writes its ids of messages."""

    submit: IdForm = Field(default=IdForm.TEXT, description="in answers to submits", examples=["hex"])
    receipt: IdForm = Field(default=IdForm.TEXT, description="in receipts", examples=["dec"])


class SmppOptions(SessionOptions):
    """SMPP 3.4: a session that the gateway opens, as an ESME, to the carrier's SMSC."""

    default_port: ClassVar[int] = 2775

    system_id: Ascii = Field(min_length=1, max_length=15, description="who binds", examples=["smsgw"])
    long_password: bool = Field(
        default=False, description="true if the secret has more than the 8 characters of the standard", examples=[True]
    )
    system_type: Ascii = Field(default="", max_length=12, description="system_type of the bind", examples=["CP"])
    bind: BindKind = Field(
        default=BindKind.TRANSCEIVER,
        description="transceiver: one session; tx_rx: a pair of them, which counts as one bind",
        examples=["tx_rx"],
    )
    address_range: Ascii = Field(
        default="", max_length=40, description="address_range of the bind", examples=["^10086"]
    )
    service_type: Ascii = Field(default="", max_length=5, description="service_type of submits", examples=["CMT"])
    text: TextFile = Field(default_factory=TextFile, description="how texts are encoded", examples=[{"ucs2": 8}])
    long: Long = Field(
        default=Long.UDH,
        description="how a message of several segments is sent: udh and sar: each segment in a submit; payload: all in "
        "one",
        examples=["sar"],
    )
    source: SourceFile = Field(
        default_factory=SourceFile, description="what is said of the service number", examples=[{"ton": 0}]
    )
    message_ids: Literal["as_is"] | MessageIdsFile = Field(
        default="as_is",
        description="as_is: ids in answers and in receipts are compared as text, without case; else in which base the "
        "carrier writes each",
        examples=[{"submit": "hex", "receipt": "dec"}],
    )
    receipt_id: str = Field(
        default="tlv_first",
        pattern="^(tlv_first|text_first)$",
        description="which id of a receipt counts if receipted_message_id and its text differ",
        examples=["text_first"],
    )
    receipts_in_text: bool = Field(
        default=False,
        description="true if receipts come without the mark of one: a text in the form of a receipt is one if it names "
        "a message that was sent to its sender",
        examples=[True],
    )
    mo_id_tlv: TagNumber | None = Field(
        default=None,
        description="optional parameter with the carrier's own id of an MO; unset: the gateway makes one, as SMPP has "
        "none",
        examples=["0x1403"],
    )
    tlvs: dict[int, str] = Field(
        default_factory=dict,
        description="optional parameters added to every submit: `text:…` or `hex:…`",
        examples=[{"0x1400": "text:110100001341"}],
    )
    storage_down: str = Field(
        default="silence",
        pattern="^(silence|temporary_error)$",
        description="what an MO is answered while the database is away: nothing, so that the carrier keeps it, or the "
        "error 0x64",
        examples=["temporary_error"],
    )

    @field_validator("tlvs", mode="before")
    @classmethod
    def _read_tags(cls, value: object) -> object:
        return {number_of(tag): octets for tag, octets in value.items()} if isinstance(value, dict) else value

    @field_validator("tlvs")
    @classmethod
    def _check_tlvs(cls, value: Mapping[int, str]) -> Mapping[int, str]:
        for tag, given in value.items():
            if not 0 < tag <= 0xFFFF:  # noqa: PLR2004  two octets
                raise ValueError("a tag is a number from 1 to 0xFFFF")
            if len(octets_of(given)) > _LONGEST_TLV:
                raise ValueError(f"an optional parameter has at most {_LONGEST_TLV} octets here")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> "SmppOptions":
        if not self.long_password and any(len(one) > _LONGEST_SECRET for one in secret_values(self.secret)):
            raise ValueError("secret: has at most 8 characters by the standard; set long_password if the carrier wants")
        if self.long is Long.SAR and _SAR_TAGS & set(self.tlvs):
            raise ValueError("tlvs: long: sar writes these parameters itself; remove them")
        return self

    def extra_tlvs(self) -> bytes:
        """Return the octets that are added to every submit."""
        return b"".join(tlv(tag, octets_of(given)) for tag, given in self.tlvs.items())

    def id_forms(self) -> tuple[IdForm, IdForm]:
        """Return how ids are written in answers and in receipts."""
        if isinstance(self.message_ids, MessageIdsFile):
            return self.message_ids.submit, self.message_ids.receipt
        return IdForm.TEXT, IdForm.TEXT


def octets_of(given: str) -> bytes:
    """Return the octets of ``text:…`` or ``hex:…``. Raise ValueError for anything else."""
    kind, _, rest = given.partition(":")
    if kind == "text" and rest.isascii():
        return rest.encode("ascii")
    if kind == "hex":
        try:
            return bytes.fromhex(rest)
        except ValueError:
            pass
    raise ValueError("write text: and ASCII, or hex: and two digits an octet")
