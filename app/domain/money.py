"""Amounts of money: an integer number of fen (1/100 yuan) everywhere; only texts show yuan."""


def in_yuan(fen: int) -> str:
    """Return fen as yuan: ``5`` for 500, ``5.50`` for 550; two decimals unless whole (flows.md, introduction)."""
    whole, rest = divmod(abs(fen), 100)
    sign = "-" if fen < 0 else ""
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"
