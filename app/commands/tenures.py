"""Facts that are reported of a number: whose they are (safety.md 1)."""

from datetime import datetime

from app.domain.account import Account

BEFORE_HER = "lies before the present customer got this number; send only what is hers."


def not_hers(account: Account, field: str, at: datetime) -> str | None:
    """Why a fact for a time (UTC) is not taken: it belongs to who had the number before her."""
    return None if account.former_tenure(at) is None else f"{field}: {BEFORE_HER}"
