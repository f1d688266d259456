"""Metrics and log lines about the delivery through one provider."""

from collections import Counter
from collections.abc import Sequence

from app import observability
from app.domain.ids import micros_of
from app.domain.messages import Lane
from app.failures import Failures, Kind
from app.providers.base import Accepted, NotTried, Provider, Refused, RefusedForNow, SendResult, Unknown
from app.services.delivery.breaker import CircuitState
from app.services.delivery.dispatch import Attempted

log = observability.logger(__name__)
_LABELS: dict[type, str] = {
    Accepted: "accepted",
    Refused: "refused",
    RefusedForNow: "refused_for_now",
    Unknown: "unknown",
    NotTried: "not_tried",
}


class DeliveryMonitor:
    """Counts attempts and logs changes of the provider's circuit."""

    def __init__(self, provider: Provider, failures: Failures) -> None:
        """``failures`` learns whether the carrier takes messages."""
        self._provider = provider
        self._failures = failures
        self._state = CircuitState.CLOSED
        failures.expect(Kind.CARRIER_AWAY, provider.name)
        failures.expect(Kind.CARRIER_OBJECTS, provider.name)
        observability.DOUBLES.labels(provider.name)

    def attempts_ended(self, results: Sequence[SendResult]) -> None:
        """Count attempts by result, and log those that a setting is to blame for."""
        for kind, number in Counter(type(result) for result in results).items():
            observability.ATTEMPTS.labels(self._provider.name, _LABELS[kind]).inc(number)
            if kind is Accepted:
                observability.ACCEPTED.labels(self._provider.name).inc(number)
            if kind is Unknown and self._provider.resends_unknown:
                observability.DOUBLES.labels(self._provider.name).inc(number)
        self._note_failures([one for one in results if not isinstance(one, NotTried)])

    def _note_failures(self, results: Sequence[SendResult]) -> None:
        """Note what a setting or the carrier is to blame for; of one with binds, these tell whether it is there."""
        name, failures = self._provider.name, self._failures
        bad = [
            one for one in results if isinstance(one, Unknown) or (isinstance(one, RefusedForNow) and not one.throttled)
        ]
        if not bad:
            if results:
                failures.over(Kind.CARRIER_AWAY, name)
                failures.over(Kind.CARRIER_OBJECTS, name)
            return
        for one in bad:
            if isinstance(one, RefusedForNow) and one.setting:
                failures.met(Kind.CARRIER_OBJECTS, name, cause=one.error_code, setting=one.setting)
            elif not self._provider.slots or isinstance(one, Unknown):
                failures.met(Kind.CARRIER_AWAY, name, cause=one.error_code)

    def left(self) -> None:
        """Note that from now on another process sends, which learns by itself whether the carrier takes messages."""
        self._failures.forget(Kind.CARRIER_AWAY, self._provider.name)
        self._failures.forget(Kind.CARRIER_OBJECTS, self._provider.name)

    def answered(self, attempted: Sequence[Attempted], micros: int) -> None:
        """Observe how long customers waited for answers that were taken; ``micros``: now, by the database's clock."""
        observe = observability.ANSWER_SECONDS.labels(self._provider.name).observe
        for message, result in attempted:
            if message.in_reply_to is not None and message.lane == Lane.PROMPT and isinstance(result, Accepted):
                observe(max(0, micros - micros_of(message.in_reply_to)) / 1_000_000)

    def attempts_lost(self, number: int) -> None:
        """Count and log the attempts of a worker that died; ``number`` may be 0."""
        if not number:
            return
        resent = self._provider.resends_unknown
        log.warning("attempts of a worker that died", provider=self._provider.name, count=number, resent=resent)
        observability.ATTEMPTS.labels(self._provider.name, "lost").inc(number)
        if resent:
            observability.DOUBLES.labels(self._provider.name).inc(number)

    def failed_over(self, number: int) -> None:
        """Count messages that were given to other providers; ``number`` may be 0."""
        if number:
            observability.FAILED_OVER.labels(self._provider.name).inc(number)

    def circuit_is(self, state: CircuitState) -> None:
        """Log that the circuit opened, or is closed again; that it is tried in between is no news."""
        if state is CircuitState.HALF_OPEN or state is self._state:
            return
        self._state = state
        log.warning("the circuit of a provider changed", provider=self._provider.name, circuit=state.value)
