"""``smsgw token``: make, list, replace and revoke tokens of the management API."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.database import checked_database
from app.cli.terminal import examples, out, print_done, print_note
from app.db.tokens import TokenRead
from app.options import parse_length
from app.services.management.tokens import Scope, Tokens

app = typer.Typer(help="Tokens of the management API.", no_args_is_help=True)
_LONGEST, _OVERLAP = timedelta(days=3650), timedelta(hours=24)
Name = Annotated[str, typer.Argument(help="What the token is called in lists and records.")]


@contextmanager
def _tokens(*, make: bool = False) -> Iterator[Tokens]:
    with checked_database(make=make) as (database, _, _):
        yield Tokens(database, accept_demo=False)


def _length(given: str) -> timedelta:
    try:
        found = parse_length(given)
    except ValueError:
        found = timedelta()
    if not timedelta() < found <= _LONGEST:
        raise typer.BadParameter("must be a length from 1s to 3650d, such as 90d or 12h")
    return found


Expires = Annotated[
    timedelta | None,
    typer.Option(parser=_length, metavar="LENGTH", help="How long it is valid, such as 90d; default: for ever."),
]


@app.command(
    epilog=examples(
        ("smsgw token create billing --scope billing:write", "for the billing system"),
        ("smsgw token create desk --scope care --scope read --expires 90d", "for the customer service desk"),
    )
)
def create(
    name: Name,
    scope: Annotated[list[Scope], typer.Option(help="What it may do; give it several times for several.")],
    expires: Expires = None,
) -> None:
    """Make a token and print it once; only its hash is stored."""
    with _tokens(make=True) as tokens:
        out.print(tokens.create(name, frozenset(item.value for item in scope), expires), soft_wrap=True)


@app.command("list", epilog=examples(("smsgw token list", "what they may do, until when, and when each was last used")))
def list_tokens() -> None:
    """Show the tokens, without their secrets. Times are UTC."""
    table = Table("name", "scopes", "made", "last used", "valid until")
    with checked_database() as (database, _, _):
        now = database.clock()
        for token in Tokens(database, accept_demo=False).all():
            table.add_row(
                Text(token.name),
                " ".join(sorted(token.scopes)),
                _shown(token.created_at),
                _shown(token.last_used_at) or "never",
                _end_of(token, now),
            )
    out.print(table)


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _end_of(token: TokenRead, now: datetime) -> str:
    if token.revoked_at:
        return f"revoked {_shown(token.revoked_at)}"
    end = "for ever"
    if token.expires_at:
        end = f"{'expired ' if token.expires_at <= now else ''}{_shown(token.expires_at)}"
    if token.replaced_until and token.replaced_until > now:
        end += f"; old secret: {_shown(token.replaced_until)}"
    return end


@app.command(
    epilog=examples(
        ("smsgw token rotate billing", "both secrets are valid for a day"),
        ("smsgw token rotate desk --overlap 1h --expires 90d", "and the new one for 90 days"),
    )
)
def rotate(
    name: Name,
    overlap: Annotated[
        timedelta | None,
        typer.Option(parser=_length, metavar="LENGTH", help="How long the old secret is valid; default: 24h."),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(parser=_length, metavar="LENGTH", help="How long the new one is valid; default: as it was."),
    ] = None,
) -> None:
    """Give a token a new secret and print it once; name and scopes stay, and the old secret is valid for a while."""
    with _tokens() as tokens:
        secret, token = tokens.rotate(name, overlap or _OVERLAP, expires)
    out.print(secret, soft_wrap=True)
    print_note(f"The old secret is valid until {_shown(token.replaced_until)} UTC.")


@app.command(epilog=examples(("smsgw token revoke billing", "whoever holds it gets 401 from now on")))
def revoke(name: Name) -> None:
    """Revoke a token: it is refused from now on."""
    with _tokens() as tokens:
        tokens.revoke(name)
    print_done(f"{name} is revoked.")
