"""The error of a management call that is refused."""


class RefusedError(Exception):
    """A call that is refused, with an HTTP status and a sentence that says what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
