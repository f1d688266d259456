"""The error of a management call that is refused."""

from app.domain.refusals import Refusal, RefusalReason


class RefusedError(Exception):
    """A call that is refused; ``detail`` is empty if the reason says all."""

    def __init__(self, reason: RefusalReason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.refusal = Refusal(reason, detail)
