"""Numbers within a batch, and the stimuli that wait for them."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from app.db.conversations import LockedConversation
from app.db.inbox import StoredMessage
from app.db.keys import TenureKey
from app.db.timers import StoredTimer
from app.domain.account import Account
from app.domain.evidence import ChainHead
from app.domain.policy import ProviderTraits
from app.domain.records import Record
from app.domain.turn import Stimulus
from app.domain.values import value


@value
class QueuedStimulus:
    """A stimulus in the queue of its number.

    ``at`` is when it happened (UTC), ``carrier`` the provider that replies go to. ``source`` is the row of a message
    or a timer; a management call has none.
    """

    stimulus: Stimulus
    at: datetime
    carrier: ProviderTraits
    source: StoredMessage | StoredTimer | None = None


@dataclass(slots=True)
class PendingAccount:
    """A number within a batch: its locked conversation, its queue, and its account as the last turn left it.

    ``stored_questions`` are the ids of the questions that have a row already. ``unsaved`` holds the records that
    earlier turns of the batch made, by kind and id. ``is_newer``: only a newer program can read the account.
    """

    conversation: LockedConversation
    account: Account
    chain: ChainHead
    queue: deque[QueuedStimulus] = field(default_factory=deque)
    stored_questions: frozenset[str] = frozenset()
    unsaved: dict[type[Record], dict[str, Record]] = field(default_factory=dict)
    is_newer: bool = False

    @property
    def bucket(self) -> int:
        """The bucket of all rows of the number."""
        return self.conversation.bucket

    @property
    def tenure(self) -> int:
        """The current tenure, from 1; 0 for a number that never had a subscriber."""
        return self.account.subscriber.tenure if self.account.subscriber else 0

    @property
    def key(self) -> TenureKey:
        """Bucket, number and current tenure."""
        return self.bucket, self.account.msisdn, self.tenure
