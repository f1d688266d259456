"""A fake provider for the tests of delivery, with results that a test sets."""

from collections.abc import Sequence
from typing import ClassVar

import pytest

from app import providers
from app.providers.base import Accepted, Provider, SendResult, Submission, Surroundings
from app.providers.generic import GenericOptions, GenericProvider
from app.providers.webhook import WebhookProvider
from app.settings import Settings, SettingsFile
from tests.running import options_of, settings_for

NAME = "pretend"


class FakeProvider(GenericProvider):
    """Accepts every submission, or returns the next of ``answers``, or raises it; ``asked`` has all submissions."""

    kind: ClassVar[str] = NAME
    recognises: ClassVar[bool] = False

    def __init__(self, name: str, options: GenericOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.can_send = True
        self.resends_unknown = self.recognises
        self.asked: list[Submission] = []
        self.answers: list[SendResult | Exception] = []

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        results: list[SendResult] = []
        for item in submissions:
            self.asked.append(item)
            answer = self.answers.pop(0) if self.answers else Accepted(f"theirs-{item.reference}")
            if isinstance(answer, Exception):
                raise answer
            results.append(answer)
        return results


class DeduplicatingProvider(FakeProvider):
    """Recognises the reference of a submission, so sending one again does not double it."""

    recognises: ClassVar[bool] = True


def use(monkeypatch: pytest.MonkeyPatch, database_url: str, kind: type[Provider] = FakeProvider) -> Settings:
    """Return the settings of a gateway that sends everything through a fake provider."""
    monkeypatch.setitem(providers.KINDS, NAME, kind)
    guarded = {"secret": "whsec_Z3VhcmRlZCwgYXMgcHJvZHVjdGlvbiB3YW50cyBpdA=="}
    options = options_of(kind=NAME, **(guarded if issubclass(kind, WebhookProvider) else {}))
    return settings_for(database_url, file=SettingsFile(default_provider=NAME, providers={NAME: options}))
