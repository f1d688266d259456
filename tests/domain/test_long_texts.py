"""Passwords in texts of any length; `python -m bench.effort` measures the time that masking takes."""

import pytest

from app.domain.masking import mask


@pytest.mark.parametrize("around", ["\ufdfa", "\u0315\u0300", "彩", "ｘ", " "])
@pytest.mark.parametrize(
    "secret",
    [
        "XGMM#802357#739184#739184",
        "８０２３５７＃７３９１８４",
        "802357\u200b*\u200b739184",
        "⑧02357#739184",
        "𝟖02357#739184",
    ],
)
def test_a_password_in_a_text_of_any_length_is_masked(secret: str, around: str) -> None:
    for text in (secret, secret + around * 5_000):
        masked = mask(text)
        assert masked is not None
        assert "739184" not in masked
    if not secret.startswith("X"):
        masked = mask(f"{around * 5_000} {secret} {around * 5_000}")
        assert masked is not None
        assert "739184" not in masked
