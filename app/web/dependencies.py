"""Dependencies that routes share: the gateway, the caller and its scopes, numbers, ids and reasons."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.domain.escape import escape
from app.domain.ids import PATTERN, is_id
from app.domain.masking import holds_password, masked
from app.domain.msisdn import parse_msisdn
from app.domain.reasons import reason_in
from app.domain.refusals import RefusalReason
from app.failures import Kind
from app.services.gateway import Gateway, Management, Upkeep
from app.services.management.tokens import Caller, Scope
from app.services.refusals import RefusedError
from app.services.simulator.network import SimulatedNetwork
from app.services.simulator.simulation import Simulation
from app.services.turns.handling import Turns
from app.web.problem_codes import Code
from app.web.problems import ProblemError

_KEY_HEADERS = ("idempotency-key",)


async def refuse_passwords(request: Request) -> None:
    """Raise ProblemError (422), without quoting it, if an id, a filter or a key holds a password (safety.md 28)."""
    found = [*request.path_params.values(), *(word for pair in request.query_params.multi_items() for word in pair)]
    found += [request.headers.get(name, "") for name in _KEY_HEADERS]
    if any(holds_password(str(word)) for word in found):
        raise ProblemError(Code.PASSWORD_IN_CALL, "An id, a filter or a key must not hold what looks like a password.")


_bearer = HTTPBearer(
    auto_error=False,
    description="a token made with `smsgw token create`; in demo and test also `demo`, which has every right, and "
    "`demo-care`, `demo-billing`, `demo-directory` and `demo-read`, which have one scope each and are refused what "
    "production refuses such a token",
)


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


# The gateway that serves the request, and its parts.
GatewayIn = Annotated[Gateway, Depends(_gateway)]


async def _management(gateway: GatewayIn) -> Management:
    return gateway.management


ManagementIn = Annotated[Management, Depends(_management)]


async def _turns(gateway: GatewayIn) -> Turns:
    return gateway.turning.turns


TurnsIn = Annotated[Turns, Depends(_turns)]


async def _upkeep(gateway: GatewayIn) -> Upkeep:
    return gateway.upkeep


UpkeepIn = Annotated[Upkeep, Depends(_upkeep)]


async def _simulation(gateway: GatewayIn) -> Simulation:
    return gateway.simulator.simulation


SimulationIn = Annotated[Simulation, Depends(_simulation)]


async def _network(gateway: GatewayIn) -> SimulatedNetwork:
    return gateway.carriers.network


NetworkIn = Annotated[SimulatedNetwork, Depends(_network)]


async def _caller(
    gateway: GatewayIn,
    management: ManagementIn,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    caller = await management.tokens.caller(given.credentials) if given else None
    if caller is None:
        why = await management.tokens.why_refused(given.credentials) if given else None
        detail = why or "Send `Authorization: Bearer <token>`; tokens are made with `smsgw token create`."
        gateway.failures.met(Kind.WRONG_TOKEN, cause=why or ("an unknown token" if given else "no token"))
        raise ProblemError(Code.TOKEN_MISSING, detail, {"WWW-Authenticate": "Bearer"})
    return caller


CallerIn = Annotated[Caller, Depends(_caller)]


class Needs:
    """A dependency: the caller needs one of these scopes, or admin."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    async def __call__(self, caller: CallerIn) -> Caller:
        """Return the caller; raise ProblemError (403) if it lacks the scopes."""
        if not caller.may(*self.scopes):
            raise ProblemError(Code.SCOPE_MISSING, f"This token lacks the scope {' or '.join(self.scopes)}.")
        return caller


def needs(*scopes: Scope) -> Needs:
    """Return the dependency of a route that shows no rows of customers but those its caller sent; else use ``Sees``."""
    return Needs(*scopes)


def msisdn_of(given: str) -> str:
    """Return a subscriber's number in E.164; raise RefusedError if it is none."""
    msisdn = parse_msisdn(given)
    if msisdn is None:
        raise RefusedError(
            RefusalReason.INVALID, "msisdn: is not a mobile number; write 13800138000 or +8613800138000."
        )
    return msisdn


async def _msisdn(
    msisdn: Annotated[str, Path(description="13800138000, +8613800138000, 8613800138000 or 008613800138000")],
) -> str:
    return msisdn_of(msisdn)


MsisdnIn = Annotated[str, Depends(_msisdn)]
_Reason = Header(
    alias="X-Reason",
    max_length=600,
    description="why you make this call, in UTF-8, also percent-encoded, at least 5 visible characters; recorded with "
    "your token's name. Required with scope care for one customer's data, and for texts and whole numbers in lists "
    "over many customers",
)


async def _reason(given: Annotated[str | None, _Reason] = None) -> str | None:
    """Return the reason, passwords masked, as it is stored; None if it is missing or too short."""
    return escape(masked(reason_in(_in_utf8(given or "")) or "")) or None


def _in_utf8(given: str) -> str:
    """Return a header's text: UTF-8, or UTF-8 in percent-encoding, as many libraries send nothing but Latin-1.

    Starlette decodes header values as Latin-1, but people type UTF-8.
    """
    try:
        text = given.encode("latin-1").decode()
    except UnicodeError:
        return given
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


ReasonIn = Annotated[str | None, Depends(_reason)]


# Ids from outside are checked where they come in: what has another form is no id, and the database is not asked.
ID = f"^{PATTERN}$"
LimitIn = Annotated[int, Query(ge=1, le=500)]
AfterIdIn = Annotated[str | None, Query(pattern=ID, description="only what follows the item with this id")]


async def _last_event(
    given: Annotated[
        str | None, Header(alias="Last-Event-ID", description="after a broken stream: continue after this event")
    ] = None,
) -> str | None:
    return given if given and is_id(given) else None


LastEventIn = Annotated[str | None, Depends(_last_event)]


async def _message_id(message_id: Annotated[str, Path(description="the gateway's id of a message")]) -> str:
    if not is_id(message_id):
        raise ProblemError(RefusalReason.UNKNOWN, "There is no message with this id.")
    return message_id


MessageIdIn = Annotated[str, Depends(_message_id)]


async def _tenure(
    caller: CallerIn,
    tenure: Annotated[
        int | None, Query(ge=1, lt=2**31, description="a former tenure of the number; needs scope admin")
    ] = None,
) -> int | None:
    if tenure is not None and Scope.ADMIN not in caller.scopes:
        raise ProblemError(Code.SCOPE_MISSING, "Former tenures are shown to scope admin only.")
    return tenure


TenureIn = Annotated[int | None, Depends(_tenure)]
