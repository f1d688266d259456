"""``smsgw evidence``: every manipulation of the chains in the database is found, also by the API (safety.md 35)."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, delete, select, update
from typer.testing import CliRunner, Result

from app.cli.smsgw import app
from app.db import evidence
from app.db.session import Database, normalise_url
from app.db.state import gateway_state
from app.db.subscribers import subscriber
from app.domain.evidence import PURGED, ChainHead, EvidenceDraft, append
from app.services.sealing import Sealer
from tests.running import ALICE, SEAL_KEY, START, running, settings_for

pytestmark = pytest.mark.anyio
ROWS, LINKS, STATE = subscriber, evidence.evidence, gateway_state
ALICES_TENURE = (ROWS.c.msisdn == ALICE,)
ALICES_RECORDS = (LINKS.c.msisdn == ALICE,)
NEW_KEY = Fernet.generate_key().decode()


@pytest.fixture
def settings(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make the commands use the test's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SMSGW_SEAL_KEY", SEAL_KEY)


@pytest.fixture
async def database(settings: None, sqlite_url: str) -> AsyncIterator[Database]:
    """The database of a gateway that has stopped, in which Alice unsubscribed from a service."""
    await say(sqlite_url, "0000", "1")
    database = Database(normalise_url(sqlite_url))
    yield database
    database.close()


async def say(url: str, *texts: str) -> None:
    async with running(settings_for(url)) as gateway:
        for text in texts:
            await gateway.say(text)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evidence", *arguments])


def chain(connection: Connection) -> list[object]:
    return list(evidence.chain_of(connection, ALICE, 1))


def set_head(connection: Connection, **values: object) -> None:
    connection.execute(update(ROWS).where(*ALICES_TENURE).values(**values))


def last(connection: Connection) -> int:
    return evidence.head_of(connection, ALICE, 1).seq


def cut(connection: Connection) -> None:
    connection.execute(delete(LINKS).where(*ALICES_RECORDS, LINKS.c.seq == last(connection)))


def cut_and_set_head_back(connection: Connection) -> None:
    cut(connection)
    before = last(connection) - 1
    [record] = evidence.chain_of(connection, ALICE, 1, after=before - 1, limit=1)
    set_head(connection, evidence_seq=before, evidence_hash=record.hash)


def recompute(connection: Connection) -> None:
    """Replace the chain by a consistent one in which Alice never unsubscribed."""
    head, records = ChainHead(), list(evidence.chain_of(connection, ALICE, 1))
    connection.execute(delete(LINKS).where(*ALICES_RECORDS))
    for record in records[:-1]:
        draft = EvidenceDraft(record.kind, record.subject, {"who": "forged"})
        made = append(head, draft, msisdn=ALICE, tenure=1, at=record.at, salt="0" * 32)
        evidence.append_evidence(connection, [made])
        head = ChainHead(made.seq, made.hash)
    set_head(connection, evidence_seq=head.seq, evidence_hash=head.hash)


def recompute_and_sign_with_another_key(connection: Connection) -> None:
    recompute(connection)
    head = evidence.head_of(connection, ALICE, 1)
    forged = Sealer(NEW_KEY).heads.sign(ALICE, 1, head.seq, head.hash)
    set_head(connection, evidence_key=Sealer(SEAL_KEY).heads.newest, evidence_mac=forged.mac)


def begin_anew(connection: Connection) -> None:
    connection.execute(delete(LINKS).where(*ALICES_RECORDS))
    set_head(connection, evidence_seq=0, evidence_hash="0" * 64, evidence_key=None, evidence_mac=None)


def drop_tenure(connection: Connection) -> None:
    connection.execute(delete(ROWS).where(*ALICES_TENURE))


ATTACKS: dict[str, tuple[Callable[[Connection], object], str]] = {
    "payload changed": (lambda c: c.execute(update(LINKS).where(*ALICES_RECORDS).values(payload="{}")), "record 1 of"),
    "payload gone": (
        lambda c: c.execute(update(LINKS).where(*ALICES_RECORDS, LINKS.c.seq == 2).values(payload=None, salt=None)),
        "payload of record 2 is gone",
    ),
    "newest record cut": (cut, "said to end with record"),
    "newest record cut and head set back": (cut_and_set_head_back, "not signed by this gateway"),
    "recomputed whole": (recompute, "not signed by this gateway"),
    "recomputed and signed with another key": (recompute_and_sign_with_another_key, "not signed by this gateway"),
    "begun anew": (begin_anew, "not signed by this gateway"),
    "mark taken away": (lambda c: set_head(c, evidence_mac=None), "not signed by this gateway"),
    "another's head": (
        lambda c: set_head(
            c, evidence_mac=c.execute(select(ROWS.c.evidence_mac).where(~ALICES_TENURE[0]).limit(1)).scalar()
        ),
        "not signed by this gateway",
    ),
    "key unknown": (lambda c: set_head(c, evidence_key="00000000"), "a key that is not among"),
    "the whole tenure gone": (drop_tenure, "said to end with record"),
}


def write(statement: str) -> Callable[[Connection], object]:
    """Return a function that runs the statement for Alice. SQLite stores values of any type in any column."""
    return lambda connection: connection.exec_driver_sql(statement.format(ALICE))


_HEAD = "update subscriber set {} where msisdn = '{{}}'"
_LINK = "update evidence set {} where msisdn = '{{}}' and seq = 2"
UNREADABLE_VALUES = [
    *(_HEAD.format(f"{name} = {stored}") for name in ("evidence_mac", "evidence_hash", "evidence_key", "evidence_seq")
      for stored in ("zeroblob(32)", "cast(x'ff' as text)", "'é'", "9e99")),
    *(_LINK.format(f"{name} = {stored}") for name in ("at", "kind", "payload", "salt", "hash", "subject")
      for stored in ("'x'", "zeroblob(32)", "cast(x'ff' as text)", "9223372036854775807")),
]  # fmt: skip


@pytest.mark.parametrize("statement", UNREADABLE_VALUES)
async def test_a_row_that_cannot_be_read_is_a_chain_that_is_not_whole(
    database: Database, statement: str, sqlite_url: str
) -> None:
    database.write_now(write(statement))
    found = run("verify")
    assert found.exit_code == 1, found.exception
    assert f"{ALICE}, tenure 1" in found.stderr
    assert "1 of 2 chains are not whole" in found.stderr.replace("\n", " ")
    assert run("seal").exit_code == 1
    if "at = 'x'" in statement or "evidence_mac = zeroblob" in statement:
        assert "cannot be read" in found.stderr.replace("\n", " ")
    async with running(settings_for(sqlite_url)) as gateway:
        verification = await gateway.gateway.management.directory.verify(ALICE)
        assert (verification.ok, verification.violation is None) == (False, False)


async def test_a_record_of_what_was_taken_away_that_says_nothing_readable_is_found(database: Database) -> None:
    def forge(connection: Connection) -> None:
        head = evidence.head_of(connection, ALICE, 1)
        draft = EvidenceDraft(PURGED, PURGED, {"records": ("x",)})
        record = append(head, draft, msisdn=ALICE, tenure=1, at=START, salt="0" * 32)
        evidence.append_evidence(connection, [record])

    database.write_now(forge)
    assert "cannot be read" in run("verify").stderr.replace("\n", " ")


async def test_an_anchor_shows_a_record_that_cannot_be_read(database: Database, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    anchor.write_text(run("anchor").stdout)
    database.write_now(write("update evidence set at = 'x' where msisdn = '{}'"))
    found = run("verify", "--anchor", str(anchor))
    assert found.exit_code == 1, found.exception
    assert "1 of 2 chains are not whole" in found.stderr.replace("\n", " ")


@pytest.mark.parametrize("attack", ATTACKS)
async def test_whatever_is_done_to_a_chain_is_found(database: Database, attack: str, sqlite_url: str) -> None:
    attack_database, words = ATTACKS[attack]
    assert run("verify").exit_code == run("verify", ALICE).exit_code == 0
    database.write_now(attack_database)
    found = run("verify")
    assert found.exit_code == 1
    assert words in found.stderr.replace("\n", " ")
    assert f"{ALICE}, tenure 1" in found.stderr
    if attack == "the whole tenure gone":
        return
    assert run("verify", ALICE).exit_code == 1
    async with running(settings_for(sqlite_url)) as gateway:
        verification = await gateway.gateway.management.directory.verify(ALICE)
        assert (verification.ok, verification.violation is None) == (False, False)
        if attack == "key unknown":
            return
        # A record that the gateway appends does not repair the chain.
        await gateway.say("QXTQ")
        assert not (await gateway.gateway.management.directory.verify(ALICE)).ok


async def test_what_is_no_number_is_refused(database: Database) -> None:
    assert run("verify", "10086").exit_code == 2


# ---- anchors


async def test_chains_that_went_on_fit_their_anchor(database: Database, sqlite_url: str, tmp_path: Path) -> None:
    printed = run("anchor")
    assert printed.exit_code == 0
    assert ALICE not in printed.stdout
    anchor = tmp_path / "anchor"
    anchor.write_text(printed.stdout)
    assert run("verify", "--anchor", str(anchor)).exit_code == 0
    async with running(settings_for(sqlite_url)) as gateway:
        await gateway.say("QXTQ")
        await gateway.subscriber("+8613700137000")
    assert run("verify", "--anchor", str(anchor)).exit_code == 0
    assert run("verify", ALICE, "--anchor", str(anchor)).exit_code == 2


async def test_who_sets_everything_back_with_its_signature_is_found_by_an_anchor(
    database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    before = database.write_now(lambda c: evidence.head_of(c, ALICE, 1))
    await say(sqlite_url, "QXTQ")
    anchor = tmp_path / "anchor"
    anchor.write_text(run("anchor").stdout)

    def set_back(connection: Connection) -> None:
        connection.execute(delete(LINKS).where(*ALICES_RECORDS, LINKS.c.seq > before.seq))
        evidence.set_head(connection, ALICE, 1, before)

    database.write_now(set_back)
    assert run("verify").exit_code == 0, "nothing in the database shows it"
    found = run("verify", "--anchor", str(anchor))
    assert found.exit_code == 1
    assert f"{ALICE}, tenure 1: record {before.seq + 1} is gone" in found.stderr.replace("\n", " ")

    def drop(connection: Connection) -> None:
        connection.execute(delete(LINKS).where(*ALICES_RECORDS))
        connection.execute(delete(ROWS).where(*ALICES_TENURE))

    database.write_now(drop)
    assert run("verify").exit_code == 0
    assert run("verify", "--anchor", str(anchor)).exit_code == 1


async def test_an_anchor_that_was_changed_is_none(database: Database, tmp_path: Path) -> None:
    anchor, lines = tmp_path / "anchor", run("anchor").stdout.splitlines()
    for changed in (
        [],
        lines[:1],
        lines[:-1],
        [lines[0], *lines[2:]],
        [lines[0].replace("20", "19", 1), *lines[1:]],
        [*lines[:-1], f"0{lines[-1]}"],
        [lines[0], lines[1].replace(" ", " 1", 1), *lines[2:]],
        [lines[0][:-8] + "00000000", *lines[1:]],
    ):
        anchor.write_text("\n".join(changed))
        found = run("verify", "--anchor", str(anchor))
        assert (found.exit_code, found.exception.__class__) == (1, SystemExit), changed


# ---- keys


async def test_a_replaced_key_counts_until_its_heads_are_signed_anew(
    database: Database, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSGW_SEAL_KEY", f"{NEW_KEY}, {SEAL_KEY}")
    assert run("verify").exit_code == 0
    assert "Signed on record: 0. Signed anew: 2." in run("seal").stdout
    monkeypatch.setenv("SMSGW_SEAL_KEY", NEW_KEY)
    assert run("verify").exit_code == 0
    assert database.write_now(last) == len(database.write_now(chain)), "the records are the same"


async def test_without_a_key_that_signed_nothing_goes_on_until_it_is_said_to_be_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSGW_SEAL_KEY", NEW_KEY)
    lost = Sealer(SEAL_KEY).heads.newest
    refused = run("verify")
    assert lost in str(refused.exception)
    assert "smsgw evidence seal --lost" in str(refused.exception)
    assert run("seal", "--lost", "12345678").exit_code == 1
    assert "Signed on record: 2." in run("seal", "--lost", lost).stdout
    assert run("verify").exit_code == 0
    newest = database.write_now(chain)[-1]
    assert "sealed" in str(newest)
    assert lost in str(newest)


async def test_heads_from_before_are_signed_once_and_on_record(database: Database) -> None:
    def from_before(connection: Connection) -> None:
        connection.execute(update(STATE).values(head_keys=None))
        connection.execute(update(ROWS).values(evidence_key=None, evidence_mac=None))

    database.write_now(from_before)
    assert run("verify").exit_code == 1
    assert "Signed on record: 2." in run("seal").stdout
    assert run("verify").exit_code == 0
    assert "no signature" in str(database.write_now(chain)[-1])
    # From now on a head without a signature is not signed again.
    database.write_now(lambda c: set_head(c, evidence_key=None, evidence_mac=None))
    assert run("seal").exit_code == 1
    assert run("verify").exit_code == 1


async def test_what_is_not_whole_is_not_signed(database: Database) -> None:
    def from_before(connection: Connection) -> None:
        connection.execute(update(STATE).values(head_keys=None))
        connection.execute(update(ROWS).values(evidence_key=None, evidence_mac=None))
        cut(connection)

    database.write_now(from_before)
    assert run("seal").exit_code == 1
    assert run("verify", ALICE).exit_code == 1
