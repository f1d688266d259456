"""``smsgw evidence``: verify, anchor and sign the chains of evidence (flows.md 13; safety.md 35)."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.database import checked_database, unchecked_database
from app.cli.terminal import FAILED, WRONG_USE, examples, exit_with_error, out, print_done, print_errors, progress_bar
from app.domain.evidence import ChainViolation
from app.domain.msisdn import parse_msisdn
from app.services.startup import prepare
from app.services.upkeep.anchors import Anchor, AnchorError, write_anchor
from app.services.upkeep.chains import SealError, WalkedChain, count_chains, seal, walk_chains

app = typer.Typer(
    help="The evidence of consent.",
    no_args_is_help=True,
    epilog=examples(
        ("smsgw evidence verify", "walk the chains of all tenures"),
        ("smsgw evidence anchor > anchor-20260301", "what they are now, to keep on another machine"),
    ),
)
_WRONG = {
    ChainViolation.CHANGED: "record {bad} of {records} does not fit",
    ChainViolation.UNREADABLE: "record {bad}, or the head of a chain of {records} records, cannot be read",
    ChainViolation.PAYLOAD_GONE: "the payload of record {bad} is gone, and no record says that it was purged or erased",
    ChainViolation.CUT: "there are {records} records, and the chain is said to end with record {end}",
    ChainViolation.NOT_SIGNED: "its head is not signed by this gateway: somebody else wrote it",
    ChainViolation.KEY_UNKNOWN: "its head is signed with a key that is not among those of SMSGW_SEAL_KEY; add it there",
    ChainViolation.NOT_AS_ANCHORED: "record {bad} is gone, or another than when it was anchored",
}
_Anchor = Annotated[
    Path | None,
    typer.Option("--anchor", metavar="FILE", help="Compare with what `anchor` printed.", exists=True, dir_okay=False),
]


def _print_violation(chain: WalkedChain) -> None:
    found = chain.verification
    whose = f"{chain.msisdn}, tenure {chain.tenure}" if chain.msisdn else "A chain that was anchored is gone"
    words = _WRONG[found.violation or ChainViolation.CHANGED].format(
        bad=found.first_bad, records=found.records, end=chain.end
    )
    print_errors(f"{whose}: {words}.")


@app.command(
    epilog=examples(
        ("smsgw evidence verify", "the chains of all tenures"),
        ("smsgw evidence verify 13800138000", "those of one number"),
        ("smsgw evidence verify --anchor anchor-20260301", "whether they go on from where they were"),
    )
)
def verify(
    msisdn: Annotated[str | None, typer.Argument(help="One number; all without it.", metavar="[MSISDN]")] = None,
    anchor: _Anchor = None,
) -> None:
    """Verify the chains of evidence; exit status 1 if one was changed, cut, extended or replaced."""
    number = parse_msisdn(msisdn) if msisdn else None
    if msisdn and number is None:
        exit_with_error(f"{msisdn} is no mobile number: write 13800138000 or +8613800138000.", WRONG_USE)
    if msisdn and anchor:
        exit_with_error("An anchor is of all chains: leave out the number.", WRONG_USE)
    bad = walked = 0
    with checked_database() as (database, owner, _), progress_bar() as progress:
        task = progress.add_task("chains", total=None if number else count_chains(database))
        chains = walk_chains(database, owner.heads, number)
        if anchor:
            try:
                with anchor.open(encoding="utf-8", errors="replace") as lines:
                    chains = Anchor.read(lines, owner.heads).compare(database, owner.heads, chains)
            except AnchorError as error:
                exit_with_error(f"{anchor} {error}.")
        for chain in chains:
            walked += 1
            progress.advance(task)
            if not chain.verification.ok:
                bad += 1
                _print_violation(chain)
    if bad:
        exit_with_error(f"{bad} of {walked} chains are not whole.", FAILED)
    print_done(f"{walked} chains are whole." if walked != 1 else "The chain is whole.")


@app.command(
    "anchor",
    epilog=examples(("smsgw evidence anchor > anchor-20260301", "then keep the file where this machine cannot write")),
)
def print_anchor() -> None:
    """Print the present heads of all chains, signed, about 100 bytes each; without a number or text.

    `verify --anchor FILE` compares with it, and finds a database that was set back as a whole, with its signatures.
    """
    with checked_database() as (database, owner, _):
        for line in write_anchor(database, owner.heads, database.clock()):
            out.out(line)


@app.command(
    "seal",
    epilog=examples(
        ("smsgw evidence seal", "once, after an upgrade; or before a replaced key goes from SMSGW_SEAL_KEY"),
        ("smsgw evidence seal --lost 1f0c9a2e", "go on without a key that is lost"),
    ),
)
def sign_heads(
    lost: Annotated[list[str] | None, typer.Option(metavar="KEY", help="The id of a key that is lost.")] = None,
) -> None:
    """Sign the heads of chains that nobody has signed, from before there were signatures: once, and on record.

    Heads that are signed with a replaced key are signed with the newest. A head that lost its signature is not signed
    again: `smsgw evidence verify` names it.
    """
    with unchecked_database() as (database, owner, _), progress_bar() as progress:
        prepare(database, owner, migrate=False, lost=frozenset(lost or ()))
        task = progress.add_task("chains", total=count_chains(database))
        on_record = signed_again = bad = 0
        try:
            for chain in seal(database, owner.heads, lost or ()):
                progress.advance(task)
                on_record += chain.on_record
                signed_again += chain.signed_again
                if not chain.verification.ok:
                    bad += 1
                    _print_violation(WalkedChain(chain.msisdn, chain.tenure, chain.verification))
        except SealError as error:
            exit_with_error(str(error))
    if bad:
        exit_with_error(f"{bad} chains are not whole and were left as they are.", FAILED)
    print_done(f"Signed on record: {on_record}. Signed anew: {signed_again}.")
