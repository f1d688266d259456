"""Every kind of carrier that calls us: its contract's settings and signatures, and its recorded requests."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from app.domain.messages import InboundMessage
from app.providers import KINDS
from app.providers.requests import MalformedRequestError, WebhookRequest
from app.providers.webhook import Invalid, WebhookProvider
from app.settings import SettingsFile
from tests.fuzz.mutations import Changed
from tests.providers.contract import WebhookContract, recordings
from tests.running import options_of

_PATHS = {"inbound": "inbound", "reports": "status"}
_CONTRACTS = Path(__file__).parents[1] / "providers"


@cache
def contracts() -> Mapping[str, WebhookContract]:
    """Return the contract's tests of each kind of the table whose carrier calls us."""
    for path in sorted((*_CONTRACTS.glob("test_*.py"), *_CONTRACTS.glob("apis/test_*.py"))):
        importlib.import_module(".".join(("tests.providers", *path.relative_to(_CONTRACTS).with_suffix("").parts)))
    found = {one.kind: one() for one in WebhookContract.__subclasses__() if KINDS.get(one.kind)}
    assert found.keys() == {kind for kind, provider in KINDS.items() if issubclass(provider, WebhookProvider)}
    return found


KINDS_THAT_CALL = sorted(kind for kind, provider in KINDS.items() if issubclass(provider, WebhookProvider))


def every_carrier() -> SettingsFile:
    """Return settings with a provider of each of these kinds, configured as in its contract's tests."""
    kinds = [kind for kind in KINDS_THAT_CALL if kind != "simulator"]
    providers = {Carrier(kind).name: options_of(kind=kind, **contracts()[kind].options) for kind in kinds}
    return SettingsFile(providers=providers)


@dataclass(frozen=True)
class Carrier:
    """A carrier of one kind, configured as in its contract's tests."""

    kind: str

    @property
    def name(self) -> str:
        """The provider's name; the simulated network has a fixed one, and is always there."""
        return self.kind if self.kind == "simulator" else f"a-{self.kind}"

    @property
    def adapter(self) -> WebhookProvider:
        provider = contracts()[self.kind].provider()
        assert isinstance(provider, WebhookProvider)
        return provider

    def recorded(self) -> list[tuple[Changed, Any]]:
        """Return the recorded requests, each with its body's value if that is JSON."""
        return [self._request(one) for one in recordings(self.kind, *_PATHS)]

    def messages(self) -> list[tuple[Changed, Any]]:
        return [self._request(one) for one in recordings(self.kind, "inbound")]

    def _request(self, recording: Mapping[str, Any]) -> tuple[Changed, Any]:
        given = recording["request"]
        is_text = isinstance(given["body"], str)
        body = given["body"] if is_text else json.dumps(given["body"], ensure_ascii=False)
        path = f"/webhooks/{self.name}/{_PATHS[recording['direction']]}"
        headers = tuple(
            (name.lower().encode(), str(value).encode()) for name, value in given.get("headers", {}).items()
        )
        request = Changed(given.get("method", "POST"), path, given.get("query", ""), headers, body.encode())
        return request, None if is_text else given["body"]

    def signed(self, request: Changed, *, by_another: bool = False) -> Changed:
        """Return a request as the carrier signs it, or as one that ``another`` changed since; unchanged if it cannot be
        signed, as it is not even text.
        """
        contract = contracts()[self.kind]
        seen = self.seen(request)
        try:
            signed = contract.signed(seen)
        except ValueError:
            return request
        if by_another and signed != seen:
            signed = contract.forged(signed)
        for name, value in signed.headers.items():
            if seen.headers.get(name) != value:
                request = request.header(name.lower().encode(), value.encode())
        token = f"/{self.name}/{signed.token}/" if signed.token else f"/{self.name}/"
        path = request.path.replace(f"/{self.name}/", token, 1)
        return replace(request, path=path, query=signed.query.decode(), body=signed.body)

    def is_signed(self) -> bool:
        """Return True if the carrier signs its requests, or says a token that nobody else knows."""
        request, _ = self.recorded()[0]
        return self.signed(request) != request

    def seen(self, request: Changed) -> WebhookRequest:
        """Return a request as an adapter sees it, if it is neither packed nor at another address."""
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        target = f"{request.path}?{request.query}" if request.query else request.path
        return WebhookRequest(
            request.body, headers, query=request.query.encode(), method=request.method, url=f"http://localhost{target}"
        )

    def contained(self, request: Changed) -> tuple[list[InboundMessage], int]:
        """Return the messages in a request, and how many items cannot be read."""
        try:
            found = self.adapter.parse_inbound(self.seen(request))
        except MalformedRequestError:
            return [], 0
        items = found if isinstance(found, list) else [found]
        messages = [item for item in items if isinstance(item, InboundMessage)]
        return messages, sum(isinstance(item, Invalid) for item in items)
