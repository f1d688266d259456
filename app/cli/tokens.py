"""``smsgw token``: make, list and revoke tokens of the management API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.database import checked_database
from app.cli.terminal import examples, out, print_done
from app.services.management.tokens import Scope, Tokens

app = typer.Typer(help="Tokens of the management API.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="What the token is called in lists and records.")]


@contextmanager
def _tokens(*, make: bool = False) -> Iterator[Tokens]:
    with checked_database(make=make) as (database, _, _):
        yield Tokens(database, accept_demo=False)


@app.command(
    epilog=examples(
        ("smsgw token create billing --scope billing:write", "for the billing system"),
        ("smsgw token create desk --scope care --scope read", "for the customer service desk"),
    )
)
def create(
    name: Name, scope: Annotated[list[Scope], typer.Option(help="What it may do; give it several times for several.")]
) -> None:
    """Make a token and print it once; only its hash is stored."""
    with _tokens(make=True) as tokens:
        out.print(tokens.create(name, frozenset(item.value for item in scope)), soft_wrap=True)


@app.command("list", epilog=examples(("smsgw token list", "names, scopes, when they were made and revoked")))
def list_tokens() -> None:
    """Show the tokens, without their secrets."""
    table = Table("name", "scopes", "made", "revoked")
    with _tokens() as tokens:
        for token in tokens.all():
            revoked = f"{token.revoked_at:%Y-%m-%d %H:%M}" if token.revoked_at else ""
            table.add_row(
                Text(token.name), " ".join(sorted(token.scopes)), f"{token.created_at:%Y-%m-%d %H:%M}", revoked
            )
    out.print(table)


@app.command(epilog=examples(("smsgw token revoke billing", "whoever holds it gets 401 from now on")))
def revoke(name: Name) -> None:
    """Revoke a token: it is refused from now on."""
    with _tokens() as tokens:
        tokens.revoke(name)
    print_done(f"{name} is revoked.")
