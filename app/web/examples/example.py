"""What an example is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MSISDN = "+8613800138000"
MO = "019caae3-6980-7c21-9d5e-4b1f6f0a2c01"
MT = "019caae3-69b2-7d04-8a3b-90c2d7e1f502"


@dataclass(frozen=True)
class Example:
    """One call: its parameters by name, its bodies and its answers (2xx, by status), each with a name of its own.

    An answer in a second form goes by status and media type.

    ``may_be_missing``: what the example speaks of need not be there, so the call may end in a documented 404.
    """

    answers: Mapping[str, object]
    parameters: Mapping[str, object] = field(default_factory=dict)
    bodies: Mapping[str, object] = field(default_factory=dict)
    may_be_missing: bool = False
