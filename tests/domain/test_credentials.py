"""Rules for secrets in the settings."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from app.domain.credentials import pair_violation, sealing_violation, signing_violation, token_violation

KEY = b"sixteen bytes it"
WORD = b64encode(KEY).decode()
GUESSABLE = [b"", b"\0", b"ab", b"secret", KEY[:15], bytes(16), b"ab" * 32, b"a" * 4096]


@pytest.mark.parametrize("secret", [f"whsec_{WORD}", f"whsec_{b64encode(KEY * 4).decode()}"])
def test_a_signing_secret_is_whsec_and_16_or_more_random_bytes(secret: str) -> None:
    assert signing_violation(secret) is None


@pytest.mark.parametrize("key", GUESSABLE)
def test_a_signing_secret_that_can_be_guessed_is_refused(key: bytes) -> None:
    assert signing_violation(f"whsec_{b64encode(key).decode()}")


@pytest.mark.parametrize(
    "secret",
    [
        "", "abc", WORD, f"WHSEC_{WORD}", f"v1,whsec_{WORD}", f"whsec_whsec_{WORD}", f"whsec-{WORD}", f" whsec_{WORD}",
        f"whsec_{WORD}\n", f"whsec_ {WORD}", f"whsec_{WORD.rstrip('=')}", "whsec_%", "whsec_密密密密密密密密密密密密",
        "whsec_" + WORD.replace("=", "_"), f"'whsec_{WORD}'",
    ],
)  # fmt: skip
def test_a_signing_secret_that_two_programs_may_decode_differently_is_refused(secret: str) -> None:
    violation = signing_violation(secret)
    assert violation
    assert not secret or secret not in violation


@pytest.mark.parametrize(
    "token", ["0123456789abcdefghij", "5b0c1f5e9d7a4c0e8f21-only-an-example", "A_-" * 20 + WORD[:8]]
)
def test_a_path_token_is_long_and_needs_no_escaping(token: str) -> None:
    assert token_violation(token) is None


@pytest.mark.parametrize(
    "token",
    ["", "short", "0123456789abcdefghi", "a" * 40, "ab" * 20, "0123456789/0123456789/012", "令" * 30, f"{WORD} 34"],
)
def test_another_path_token_is_refused(token: str) -> None:
    assert token_violation(token)


@pytest.mark.parametrize(
    "pair", ["carrier:open sesame, open", "c:0123456789:abcdef", "运营商:" + "芝麻开门了吧今天是个好日子"]
)
def test_basic_auth_is_a_user_and_a_password_that_cannot_be_guessed(pair: str) -> None:
    assert pair_violation(pair) is None


@pytest.mark.parametrize(
    "pair",
    [
        "", "sesame", ":", "carrier:", ":open sesame, open", "carrier:sesame", "carrier:" + "a" * 40,
        "open sesame, open sesame", "a very long user of the carrier:short",
    ],
)  # fmt: skip
def test_a_pair_that_can_be_guessed_is_refused(pair: str) -> None:
    assert pair_violation(pair)


@pytest.mark.parametrize("key", ["", "abc", "密", WORD, "A" * 43 + "=", urlsafe_b64encode(KEY * 3).decode()])
def test_a_sealing_key_is_32_random_bytes(key: str) -> None:
    assert sealing_violation(urlsafe_b64encode(KEY[::-1] + KEY).decode()) is None
    assert sealing_violation(key)
