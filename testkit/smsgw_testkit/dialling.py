"""Numbers as tests write them and as the gateway does."""

_CHINA = "86"
_DIGITS_OF_A_MOBILE = 11


def national(number: str) -> str:
    """Return a number as it is dialled in China: without ``+86`` if it is a mobile number of China."""
    digits = number.removeprefix("+").removeprefix("00")
    of_china = digits.removeprefix(_CHINA)
    return of_china if len(of_china) == _DIGITS_OF_A_MOBILE else digits
