"""The field type for subscribers' numbers in bodies: accepts four forms, yields ``+8613800138000``."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.domain.msisdn import parse_msisdn

# A loose pattern for the API document and client generators. The validator decides which numbers are valid.
PATTERN = r"^(\+|00)?[1-9][0-9]{6,14}$"


def _normalised(given: str) -> str:
    msisdn = parse_msisdn(given)
    if msisdn is None:
        raise ValueError("is not a mobile number; write 13800138000 or +8613800138000")
    return msisdn


Number = Annotated[str, Field(max_length=40, examples=["13800138000"]), AfterValidator(_normalised)]
