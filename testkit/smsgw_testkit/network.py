"""The simulated network: how it answers the gateway's sends, and what it reports about them."""

import http
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Literal, Self

from smsgw_testkit.errors import Refused
from smsgw_testkit.wire.calls import Api

Report = Literal["delivered", "undelivered", "expired", "none"]
_Mode = Literal["ok", "reject", "throttle", "timeout", "error"]


class Trouble:
    """A trouble of the network, which lasts until ``network.ok()`` or, as a ``with`` block, until the block ends.

    Then it is as it was before the block, so that one block may stand in another.
    """

    def __init__(self, network: "Network", part: str, before: Mapping[str, object] | None) -> None:
        """``before`` is what was there; None: nothing of this handset's own."""
        self._network = network
        self._part = part
        self._before = before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the trouble."""
        self._network.put_back(self._part, self._before)


class Network:
    """The network of all handsets, or of one."""

    def __init__(self, api: Api, path: str, *, is_of_one: bool) -> None:
        self._api = api
        self._path = path
        self._is_of_one = is_of_one

    def fail(self, times: int | None = None, *, rate: float = 1) -> Trouble:
        """Refuse the next sends for now: the gateway tries again. ``times``: how many; None: all."""
        return self._fault("error", times, rate)

    def throttle(self, times: int | None = None, *, rate: float = 1) -> Trouble:
        """Answer the next sends that there are too many."""
        return self._fault("throttle", times, rate)

    def refuse(self, times: int | None = None, *, rate: float = 1) -> Trouble:
        """Refuse the next sends for good."""
        return self._fault("reject", times, rate)

    def lose_answers(self, times: int | None = None, *, rate: float = 1) -> Trouble:
        """Take the next messages, and lose the answers."""
        return self._fault("timeout", times, rate)

    def down(self) -> Trouble:
        """Refuse every send for now, until the network is well again."""
        return self._fault("error", None, 1)

    def reports(self, report: Report, after: timedelta | float = 0) -> Trouble:
        """Report this of the messages taken from now on, so long after (a ``timedelta``, or seconds)."""
        seconds = int(after.total_seconds() if isinstance(after, timedelta) else after)
        return self._trouble("delivery", {"report": report, "delay_seconds": seconds})

    def ok(self) -> None:
        """Take everything, and report it as delivered at once."""
        self.end("faults")
        self.end("delivery")

    def end(self, part: str) -> None:
        """End the ``faults``, or put the reports of ``delivery`` right."""
        if self._is_of_one:
            self._api.delete(f"{self._path}/{part}")
        elif part == "faults":
            self._api.put(f"{self._path}/faults", {"mode": "ok"})
        else:
            self._api.put(f"{self._path}/delivery", {"report": "delivered"})

    def put_back(self, part: str, before: Mapping[str, object] | None) -> None:
        """Have ``faults`` or ``delivery`` be as they were."""
        if before is None:
            self.end(part)
        else:
            self._api.put(f"{self._path}/{part}", before)

    def _fault(self, mode: _Mode, times: int | None, rate: float) -> Trouble:
        count = {} if times is None else {"count": times}
        return self._trouble("faults", {"mode": mode, "rate": rate, **count})

    def _trouble(self, part: str, body: Mapping[str, object]) -> Trouble:
        before: Mapping[str, object] | None = None
        try:
            before = self._api.get(f"{self._path}/{part}")
        except Refused as refused:
            if refused.status != http.HTTPStatus.NOT_FOUND:
                raise
        self._api.put(f"{self._path}/{part}", body)
        return Trouble(self, part, before)
