"""The route for the tokens of the management API, without their secrets."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from app.services.management.tokens import Scope, TokenRead
from app.services.paging import PageRequest, SortOrder
from app.web.answers import answer
from app.web.dependencies import ManagementIn, needs
from app.web.paging import NextCursor, end_of, timed_paging
from app.web.times import ShanghaiTime

router = APIRouter(tags=["tokens"], dependencies=[Depends(needs(Scope.ADMIN))])
_pages = timed_paging(SortOrder.ASC, "^.{1,200}$")


class TokenOut(BaseModel):
    """A token; its secret is stored nowhere. ``last_used_at`` is to the minute, null if it was never used.

    Until ``replaced_until`` the secret before the present one is accepted, too.
    """

    name: str
    scopes: list[Scope]
    created_at: ShanghaiTime
    revoked_at: ShanghaiTime | None
    expires_at: ShanghaiTime | None
    last_used_at: ShanghaiTime | None
    replaced_until: ShanghaiTime | None


class TokensOut(BaseModel):
    """Tokens, by name."""

    tokens: list[TokenOut]
    next_cursor: NextCursor


def _out(found: TokenRead) -> TokenOut:
    return answer(TokenOut, found, scopes=[scope for scope in Scope if scope in found.scopes])


@router.get("/tokens", summary="Tokens, by name")
async def list_tokens(management: ManagementIn, part: Annotated[PageRequest, Depends(_pages)]) -> TokensOut:
    """All tokens, revoked ones too. They are made and revoked with `smsgw token`."""
    page = await management.tokens.page(part)
    return TokensOut(tokens=list(map(_out, page.items)), next_cursor=end_of(page))
