"""Failures that last: each is said once when it begins and once when it is over, however often it is met.

Of those that repeat, such as refused signatures, a line says how many there were, at most once a minute for each kind
and whose it is. ``smsgw_failing`` and ``smsgw_failures_total`` say the same to Prometheus.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prometheus_client import Counter, Gauge

from app import observability

_FAILING = Gauge(
    "smsgw_failing", "1 while something fails; of: the provider or the part, if it is of one", ["kind", "of"]
)
_FAILURES = Counter("smsgw_failures", "How often something failed", ["kind", "of"])
# Between two lines that say that the same thing begins.
_SAY_AGAIN_SECONDS = 60.0
# A batch is a commit, which takes some milliseconds.
_SLOW_SECONDS = 2.0
log = observability.logger(__name__)


class Kind(StrEnum):
    """What fails."""

    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    DATABASE_AWAY = "database_away"
    NOTICES_LOST = "notices_lost"
    CARRIER_AWAY = "carrier_away"
    CARRIER_OBJECTS = "carrier_objects"
    BIND_DOWN = "bind_down"
    WRONG_SECRET = "wrong_secret"  # noqa: S105  the name of a failure
    WRONG_TOKEN = "wrong_token"  # noqa: S105  the name of a failure
    CLOCK_OFF = "clock_off"
    PROBE_FAILS = "probe_fails"
    SLOW_STEP = "slow_step"


@dataclass(frozen=True, slots=True)
class _Words:
    """What the log says. ``over``: None if it is over at once.

    ``repeats``: how many there were is said as well. ``is_error``: customers get no answers. ``fades_after``: so many
    seconds after it was met last, nothing tells whether it lasts.
    """

    begins: str
    over: str | None
    to_do: str
    repeats: bool = False
    is_error: bool = False
    fades_after: float = math.inf


_WORDS: Mapping[Kind, _Words] = {
    Kind.DISK_FULL: _Words(
        "the disk is full; nothing is accepted",
        "the disk has room again",
        "make room on the database's disk",
        is_error=True,
    ),
    Kind.READ_ONLY: _Words(
        "the database is read-only; nothing is accepted",
        "the database can be written again",
        "mount its disk for writing, or lead SMSGW_DATABASE_URL to the server that takes writes",
        is_error=True,
    ),
    Kind.DATABASE_AWAY: _Words(
        "the database is away; trying again",
        "the database is back",
        "see whether it runs and can be reached",
        is_error=True,
    ),
    Kind.NOTICES_LOST: _Words(
        "no notices of other processes are heard; looking once a second",
        "notices of other processes are heard again",
        "see whether SMSGW_DATABASE_DIRECT_URL leads to the server",
    ),
    Kind.CARRIER_AWAY: _Words(
        "a carrier does not take messages; trying again",
        "a carrier takes messages again",
        "see whether it can be reached, and ask it; messages wait until their validity ends",
        repeats=True,
    ),
    Kind.CARRIER_OBJECTS: _Words(
        "a carrier objects to a setting", "a carrier has no more objections", "correct the setting", repeats=True
    ),
    Kind.BIND_DOWN: _Words("a bind is down", "a bind is up again", "see the reason, and ask the carrier", repeats=True),
    Kind.WRONG_SECRET: _Words(
        "a webhook is refused: who calls could not prove who it is",
        "a webhook's calls are authentic again",
        "compare the secret here with the carrier's, and the clocks",
        repeats=True,
        fades_after=600,
    ),
    Kind.WRONG_TOKEN: _Words(
        "calls of the API are refused: they have no valid token",
        None,
        "see `smsgw token list`, and who calls",
        repeats=True,
    ),
    Kind.CLOCK_OFF: _Words(
        "this machine's clock is off", "this machine's clock is right again", "keep it on network time"
    ),
    Kind.PROBE_FAILS: _Words(
        "the gateway does not answer its own test call",
        "the gateway answers its own test call again",
        "see what else fails; customers may get no answers either",
        repeats=True,
        is_error=True,
    ),
    Kind.SLOW_STEP: _Words("a step was slow", None, "see how busy the machine and the database are", repeats=True),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What fails now: its kind, the provider or part that it is of (or nothing), why, and for how many seconds."""

    kind: Kind
    of: str
    cause: str
    seconds: float


@dataclass(slots=True)
class _Known:
    """A failure that was met. Times are by the clock of ``Failures``; ``since`` is None unless it lasts."""

    since: float | None = None
    met_at: float = -math.inf
    said_at: float = -math.inf
    is_said: bool = False
    unsaid: int = 0
    met: int = 0
    cause: str = ""
    to_do: str | None = None
    more: Mapping[str, object] = field(default_factory=dict)


class Failures:
    """What fails in one gateway. It is thread-safe."""

    def __init__(self, *, says: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        """``says``: False for a command, which says by itself what failed. ``clock`` returns seconds."""
        self._says = says
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[Kind, str], _Known] = {}
        self._lasting: dict[tuple[Kind, str], _Known] = {}
        for kind in (Kind.DISK_FULL, Kind.READ_ONLY, Kind.DATABASE_AWAY, Kind.WRONG_TOKEN, Kind.CLOCK_OFF):
            self.expect(kind)

    def expect(self, kind: Kind, of: str = "") -> None:
        """Show this failure in the metrics before it is met, so that the first one is an increase."""
        if self._says:
            _FAILING.labels(kind.value, of)
            _FAILURES.labels(kind.value, of)

    def met(self, kind: Kind, of: str = "", *, cause: str, to_do: str | None = None, **more: object) -> None:
        """Note a failure: ``of`` which provider or part, and why. Say it if it begins, or if it is time to.

        ``to_do``: about this cause; None: what is to be done about any of its kind. ``more`` are further fields of the
        line. Neither they nor the cause have a number, a text or a secret.
        """
        if not self._says:
            return
        key, now = (kind, of), self._clock()
        _FAILURES.labels(kind.value, of).inc()
        with self._lock:
            known = self._known.setdefault(key, _Known())
            if known.since is None and _WORDS[kind].over is not None:
                known.since, known.is_said, known.met = now, False, 0
                self._lasting[key] = known
                _FAILING.labels(kind.value, of).set(1)
            known.unsaid += 1
            known.met += 1
            known.met_at, known.cause, known.to_do, known.more = now, cause, to_do, more
            self._say(key, known, now)

    def over(self, kind: Kind, of: str = "") -> bool:
        """Note that something works. Return True if it failed before, and that was said: then this is said as well."""
        if (kind, of) not in self._lasting:
            return False
        with self._lock:
            known = self._lasting.get((kind, of))
            if known is None:
                return False
            if known.is_said:
                self._say_over((kind, of), known, self._clock())
            self._end((kind, of), known)
            return known.is_said

    def forget(self, kind: Kind, of: str = "") -> None:
        """Note that whether something fails is no more for this process to say."""
        with self._lock:
            if (known := self._lasting.get((kind, of))) is not None:
                self._end((kind, of), known)

    def took(self, step: str, seconds: float) -> None:
        """Note how long a batch of a step took: it is a failure if that was long."""
        observability.STEP_SECONDS.labels(step).observe(seconds)
        if seconds >= _SLOW_SECONDS:
            self.met(Kind.SLOW_STEP, step, cause=f"it took {seconds:.1f} s")

    def lasts(self, kind: Kind, of: str = "") -> float | None:
        """Return for how many seconds something has failed; None if it works."""
        with self._lock:  # another thread may be ending it
            known = self._lasting.get((kind, of))
            return None if known is None or known.since is None else self._clock() - known.since

    def lasting(self) -> list[Failure]:
        """Return what fails now, in the order in which it began."""
        with self._lock:
            now = self._clock()
            return [
                Failure(kind, of, known.cause, now - known.since)
                for (kind, of), known in self._lasting.items()
                if known.since is not None
            ]

    def say_counted(self) -> None:
        """Say what was counted and not said, where it is time to; forget what was not met for long."""
        with self._lock:
            now = self._clock()
            for key, known in [*self._lasting.items()]:
                if now - known.met_at >= _WORDS[key[0]].fades_after:
                    self._end(key, known)
            for key, known in self._known.items():
                if self._say(key, known, now) and known.since is None:
                    self._say_over(key, known, now)

    def _say(self, key: tuple[Kind, str], known: _Known, now: float) -> bool:
        """Say that something fails, unless that was said. Return True if it was said now."""
        words = _WORDS[key[0]]
        is_new = known.unsaid > 0 and (words.repeats or not known.is_said)
        if not is_new or now - known.said_at < _SAY_AGAIN_SECONDS:
            return False
        say = log.error if words.is_error else log.warning
        to_do = known.to_do or words.to_do
        say(words.begins, **_fields(key), cause=known.cause, count=known.unsaid, next=to_do, **known.more)
        known.said_at, known.is_said, known.unsaid = now, True, 0
        return True

    def _end(self, key: tuple[Kind, str], known: _Known) -> None:
        known.since = None
        del self._lasting[key]
        _FAILING.labels(key[0].value, key[1]).set(0)

    def _say_over(self, key: tuple[Kind, str], known: _Known, now: float) -> None:
        words = _WORDS[key[0]].over
        if words is not None:
            seconds = 0 if known.since is None else round(now - known.since)
            log.warning(words, **_fields(key), seconds=seconds, count=known.met)
        known.unsaid = 0


def _fields(key: tuple[Kind, str]) -> dict[str, str]:
    kind, of = key
    return {"kind": kind.value, "of": of} if of else {"kind": kind.value}
