"""The type of an example, and the ids that examples share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MSISDN = "+8613800138000"
MO = "1858489345745354752"
MT = "1858489345797783552"


@dataclass(frozen=True)
class Example:
    """An example of one call.

    ``answers`` are keyed by 2xx status, or by status and media type (``200 text/csv``) for a second form; None: it has
    no body. ``parameters`` and ``bodies`` are keyed by name. With ``may_be_missing`` the call may also answer a
    documented 404.
    """

    answers: Mapping[str, object]
    parameters: Mapping[str, object] = field(default_factory=dict)
    bodies: Mapping[str, object] = field(default_factory=dict)
    may_be_missing: bool = False
