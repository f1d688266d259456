"""Access rules of webhooks for carriers that do not sign: path token, addresses, basic auth (delivery.md, security)."""

import base64
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from app.domain.values import value
from app.providers.proofs import is_one_of
from app.providers.requests import NotAuthenticError, WebhookRequest


@value
class Fence:
    """The access rules of a provider's webhooks; a request must pass every kind of rule that is set.

    Several secrets of a kind are valid at a time, so that one can be replaced.

    Attributes:
        path_tokens: valid tokens in the path.
        networks: the networks that requests may come from.
        basic_auth: valid pairs ``user:password``.
    """

    path_tokens: Sequence[str] = ()
    networks: Sequence[IPv4Network | IPv6Network] = ()
    basic_auth: Sequence[str] = ()

    def check(self, request: WebhookRequest) -> None:
        """Raise NotAuthenticError for a request that breaks a rule. Secrets are compared in constant time."""
        if self.networks and not self._is_allowed(request.address):
            raise NotAuthenticError("Requests from this address are not taken; see allowed_ips in the settings file.")
        if self.path_tokens and not is_one_of(request.token, self.path_tokens):
            raise NotAuthenticError(
                "The path must be /webhooks/{provider}/{path_token}/… with the token of the settings."
            )
        if self.basic_auth and not is_one_of(_credentials(request), self.basic_auth):
            raise NotAuthenticError("Basic auth is missing or wrong; see basic_auth in the settings file.")

    def _is_allowed(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found in network for network in self.networks)


def _credentials(request: WebhookRequest) -> str:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        return ""
