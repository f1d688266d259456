"""A check of reported facts: each must date from the present subscriber's tenure (safety.md 1)."""

from datetime import datetime

from app.domain.account import Account

BEFORE_TENURE = "lies before the present customer got this number; send only what is theirs."


def tenure_violation(account: Account, field: str, at: datetime) -> str | None:
    """Return why a fact dated ``at`` (UTC) is refused: it belongs to a former customer. None if it may be taken."""
    return None if account.former_tenure(at) is None else f"{field}: {BEFORE_TENURE}"
