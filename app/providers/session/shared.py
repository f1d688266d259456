"""What the sessions of a slot share."""

from app.domain.values import value
from app.pacing import Pace
from app.providers.session.times import Times
from app.providers.session.window import SequenceNumbers


@value
class Shared:
    """What the sessions of a slot share; ``window`` is the size of each one's."""

    provider: str
    window: int
    times: Times
    pace: Pace
    sequence: SequenceNumbers
