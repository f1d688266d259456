"""Errors of the kit. Each says what happened, with the whole text that it is about, and what to do next."""

from collections.abc import Mapping, Sequence
from datetime import datetime

_LAST_LINES = 20


class SmsgwError(Exception):
    """Base of all errors of the kit."""


class GatewayNotFound(SmsgwError):
    """There is no gateway to test against."""


class GatewayDied(SmsgwError):
    """The gateway ended by itself.

    Attributes:
        status: its exit status; negative: the signal that ended it; None: unknown.
        log: its last log lines, oldest first.
    """

    def __init__(self, message: str, status: int | None, log: Sequence[str]) -> None:
        self.status = status
        self.log = list(log)
        lines = "\n".join(self.log[-_LAST_LINES:])
        super().__init__(f"{message}\n{lines}" if lines else message)


class GatewayBusy(SmsgwError):
    """Something was still left to do when the time was over.

    Attributes:
        waiting: how many of each kind, as the gateway names them.
    """

    def __init__(self, seconds: float, waiting: Mapping[str, int]) -> None:
        self.waiting = dict(waiting)
        what = ", ".join(f"{count} {name}" for name, count in waiting.items()) or "something"
        super().__init__(
            f"after {seconds:g} s there is still left to do: {what}. "
            "If that is a retry or a delay, move the clock; if it is only slow, set smsgw_timeout."
        )


class Refused(SmsgwError):
    """The gateway refused a call.

    Attributes:
        status: the HTTP status.
        detail: the reason in words.
        errors: what is wrong in the body, by place; empty for other reasons.
        body: the whole answer.
    """

    def __init__(self, call: str, status: int, body: object) -> None:
        problem = body if isinstance(body, dict) else {}
        self.status = status
        self.detail = str(problem.get("detail") or problem.get("title") or body)
        self.errors: list[object] = list(problem.get("errors") or [])
        self.body = body
        more = "".join(f"\n  {one}" for one in self.errors)
        super().__init__(f"{call}: {status}: {self.detail}{more}")


class NoMessage(SmsgwError, AssertionError):
    """A message, item or code that a test wants is not there."""


class ClockError(SmsgwError):
    """The clock cannot be moved like that."""

    @classmethod
    def back(cls, detail: str) -> "ClockError":
        """Return the error of a clock that would go back."""
        return cls(f"{detail} The clock goes back only right after a reset: smsgw.reset(now=…).")

    @classmethod
    def not_a_time(cls, given: object) -> "ClockError":
        """Return the error of something that is no time."""
        example = datetime(2026, 3, 2, 10, 0).isoformat(" ", "minutes")  # noqa: DTZ001  Shanghai is meant
        return cls(f"{given!r} is no time; write it as {example!r} (Asia/Shanghai) or give a datetime")


class EventMissing(SmsgwError, AssertionError):
    """An event that a test wants did not come, or one came that it does not want."""


class GatewayTrouble(SmsgwError, AssertionError):
    """Something went wrong in the gateway, or with an event, that the test did not look at (``strict``)."""
