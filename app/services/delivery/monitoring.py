"""Metrics and log lines about the delivery through one provider."""

from collections import Counter
from collections.abc import Sequence

from app import observability
from app.providers.base import Accepted, Provider, RefusedForNow, SendResult, Unknown
from app.services.delivery.breaker import CircuitState

log = observability.logger(__name__)


class DeliveryMonitor:
    """Counts attempts and logs changes of the provider's circuit."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._state = CircuitState.CLOSED

    def attempts_ended(self, results: Sequence[SendResult]) -> None:
        """Count attempts by result, and log those that a setting is to blame for."""
        for kind, number in Counter(type(result) for result in results).items():
            observability.ATTEMPTS.labels(self._provider.name, kind.__name__.lower()).inc(number)
            if kind is Accepted:
                observability.ACCEPTED.labels(self._provider.name).inc(number)
            if kind is Unknown and self._provider.resends_unknown:
                observability.DOUBLES.labels(self._provider.name).inc(number)
        wrong = Counter(
            (one.setting, one.error_code) for one in results if isinstance(one, RefusedForNow) and one.setting
        )
        for (setting, code), number in wrong.items():
            log.warning(
                "a carrier objects to a setting", provider=self._provider.name, setting=setting, code=code, count=number
            )

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
        """Log the state of the circuit if it changed."""
        if state is not self._state:
            self._state = state
            log.warning("the circuit of a provider changed", provider=self._provider.name, circuit=state.value)
