"""The type of an example, and the ids that examples share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MSISDN = "+8613800138000"
MO = "019caae3-6980-7c21-9d5e-4b1f6f0a2c01"
MT = "019caae3-69b2-7d04-8a3b-90c2d7e1f502"


@dataclass(frozen=True)
class Example:
    """An example of one call.

    ``answers`` are keyed by 2xx status, or by status and media type (``200 text/csv``) for a second form.
    ``parameters`` and ``bodies`` are keyed by name. With ``may_be_missing`` the call may also answer a documented 404.
    """

    answers: Mapping[str, object]
    parameters: Mapping[str, object] = field(default_factory=dict)
    bodies: Mapping[str, object] = field(default_factory=dict)
    may_be_missing: bool = False
