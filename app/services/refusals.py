"""What the services answer to a call that cannot be carried out."""


class RefusedError(Exception):
    """A call that cannot be carried out: an HTTP status and a sentence that says what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
