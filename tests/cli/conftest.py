"""Fixtures of the command line."""

import pytest


@pytest.fixture(autouse=True)
def _in_an_english_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
