"""The figures of a provider's sessions (carriers.md 8)."""

from app import observability
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult

_RESULTS = {Accepted: "accepted", Refused: "refused", RefusedForNow: "refused_for_now"}


class Figures:
    """Counts for one session of a provider; no label holds a number, an id or a text."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._throttled = observability.SUBMIT_ANSWERS.labels(provider, "throttled")
        self._answers = {kind: observability.SUBMIT_ANSWERS.labels(provider, words) for kind, words in _RESULTS.items()}
        self._seconds = observability.SUBMIT_SECONDS.labels(provider)
        self._window = observability.WINDOW_USED.labels(provider)
        self._unanswered = observability.UNANSWERED.labels(provider)
        self._shown = (0, 0)

    def answered(self, result: SendResult, seconds: float) -> None:
        """Count the answer to a submit that took so long."""
        is_throttled = isinstance(result, RefusedForNow) and result.throttled
        counter = self._throttled if is_throttled else self._answers.get(type(result))
        if counter is not None:
            counter.inc()
        self._seconds.observe(seconds)
        if isinstance(result, Accepted) and not result.provider_message_id:
            self.bad("answer without an id")

    def bad(self, what: str | None) -> None:
        """Count bad input; None: it was good."""
        if what is not None:
            observability.BAD_INPUT.labels(self.provider, observability.label(what)).inc()

    def show(self, window: int, unanswered: int) -> None:
        """Show how much of the window is used, and how much is not stored yet."""
        self._window.inc(window - self._shown[0])
        self._unanswered.inc(unanswered - self._shown[1])
        self._shown = (window, unanswered)
