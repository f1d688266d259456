"""Who reads the newspaper, by what 10086 tells."""

from collections.abc import Mapping
from datetime import datetime

BEGINS = {"subscription.ordered", "subscription.kept"}
ENDS = {"subscription.ended"}


class Readers:
    """The readers, and until when those read who have unsubscribed."""

    def __init__(self) -> None:
        self.until: dict[str, datetime | None] = {}
        self._known: set[str] = set()

    def told(self, event: Mapping[str, object]) -> None:
        """Take in an event of 10086. The same event may come twice."""
        if str(event["id"]) in self._known:
            return
        self._known.add(str(event["id"]))
        data = event["data"]
        if not isinstance(data, dict):
            raise TypeError("an event without data")
        reader = str(data["msisdn"])
        if event["type"] in BEGINS:
            self.until[reader] = None
        elif event["type"] == "subscription.unsubscribed":
            self.until[reader] = datetime.fromisoformat(str(data["ends_at"]))
        elif event["type"] in ENDS:
            self.until.pop(reader, None)
