"""Migrations go forward and back on both databases, and match the tables."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, inspect, select

from app.db import migrations, partitions, revisions, schema, tokens
from app.db.session import Database, normalise_url
from tests.running import Running


@pytest.fixture
def empty(empty_database_url: str) -> Database:
    return Database(normalise_url(empty_database_url))


def _names(connection: Connection) -> set[str]:
    found = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {name for name in found if not partitions.is_partition(name)}


def test_an_empty_database_becomes_the_newest_schema_and_empty_again(empty: Database) -> None:
    try:
        assert empty.write_now(revisions.current_revision) is None
        empty.write_now(migrations.upgrade)
        assert empty.write_now(revisions.current_revision) == revisions.newest_revision()
        assert empty.write_now(_names) == set(schema.metadata.tables)
        empty.write_now(migrations.downgrade)
        assert empty.write_now(_names) == set()
        assert empty.write_now(revisions.current_revision) is None
        empty.write_now(migrations.upgrade)
        assert empty.write_now(_names) == set(schema.metadata.tables)
    finally:
        empty.close()


def test_a_schema_without_its_history_is_the_same(tmp_path: Path) -> None:
    """But for the order of columns, which no statement relies on."""

    def made(name: str, make: Callable[[Connection], None]) -> dict[str, list[str]]:
        database = Database(normalise_url(f"sqlite:///{tmp_path / name}"))
        database.write_now(make)
        found = database.read_now(
            lambda connection: connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
        )
        database.close()
        return {row[0]: sorted(re.findall(r"[\w\']+", row[1] or "")) for row in found}

    assert made("migrated.db", migrations.upgrade) == made("created.db", schema.create)
    again = Database(normalise_url(f"sqlite:///{tmp_path / 'created.db'}"))
    again.write_now(migrations.upgrade)
    assert again.read_now(revisions.current_revision) == revisions.newest_revision()
    again.close()


def test_migrating_again_changes_nothing(empty: Database) -> None:
    try:
        empty.write_now(migrations.upgrade)
        empty.write_now(migrations.upgrade)
        assert empty.write_now(revisions.current_revision) == revisions.newest_revision()
    finally:
        empty.close()


def test_a_migration_keeps_stored_rows(empty: Database) -> None:
    first = "INSERT INTO conversation (bucket, msisdn, tenure, guards) VALUES (1, '+8613800138000', 1, '{}')"
    try:
        empty.write_now(lambda connection: migrations.upgrade(connection, "0001"))
        empty.write_now(lambda connection: connection.exec_driver_sql(first).rowcount)
        empty.write_now(migrations.upgrade)
        rows = empty.write_now(
            lambda connection: connection.execute(select(schema.metadata.tables["conversation"])).all()
        )
        assert [tuple(row) for row in rows] == [(1, "+8613800138000", 1, "{}", None)]
    finally:
        empty.close()


def test_a_duty_is_kept_when_binds_get_a_state_and_lose_it_again(empty: Database) -> None:
    first = "INSERT INTO duty (name, owner, leased_until, term) VALUES ('carrier:one', 'somebody', 7, 3)"
    found = "SELECT name, owner, leased_until, term FROM duty"
    try:
        empty.write_now(lambda connection: migrations.upgrade(connection, "0002"))
        empty.write_now(lambda connection: connection.exec_driver_sql(first).rowcount)
        empty.write_now(migrations.upgrade)
        assert empty.write_now(lambda connection: len(connection.exec_driver_sql("SELECT * FROM duty").one())) == 8
        empty.write_now(lambda connection: migrations.downgrade(connection, "0002"))
        rows = empty.write_now(lambda connection: connection.exec_driver_sql(found).all())
        assert [tuple(row) for row in rows] == [("carrier:one", "somebody", 7, 3)]
    finally:
        empty.close()


def test_a_token_is_kept_when_tokens_can_end_and_when_they_cannot_again(empty: Database) -> None:
    first = "INSERT INTO api_token (name, token_hash, scopes, created_at) VALUES ('desk', 'abc', 'care', 7)"
    found = "SELECT name, token_hash, scopes, created_at, revoked_at FROM api_token"
    try:
        empty.write_now(lambda connection: migrations.upgrade(connection, "0004"))
        empty.write_now(lambda connection: connection.exec_driver_sql(first).rowcount)
        empty.write_now(migrations.upgrade)
        [token] = empty.write_now(tokens.list_tokens)
        assert (token.name, token.expires_at, token.last_used_at, token.replaced_until) == ("desk", None, None, None)
        empty.write_now(lambda connection: migrations.downgrade(connection, "0004"))
        rows = empty.write_now(lambda connection: connection.exec_driver_sql(found).all())
        assert [tuple(row) for row in rows] == [("desk", "abc", "care", 7, None)]
    finally:
        empty.close()


def _is_table(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not partitions.is_partition(name or "")


def test_autogenerate_finds_nothing_to_add(database_url: str) -> None:
    database = Database(normalise_url(database_url))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_table})
        return list(compare_metadata(context, schema.metadata))

    try:
        assert database.write_now(differences) == []
    finally:
        database.close()


def test_indexes_are_partial_where_the_tables_say_so(database_url: str) -> None:
    """Autogenerate does not compare the conditions of partial indexes."""
    database = Database(normalise_url(database_url))

    def partial(connection: Connection) -> set[str]:
        catalogue = (
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
            if database.is_sqlite
            else "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('i', 'I')"
            " AND NOT relispartition AND pg_get_indexdef(oid) LIKE '% WHERE %'"
        )
        return {
            row[0]
            for row in connection.exec_driver_sql(catalogue.replace("%", "%%") if not database.is_sqlite else catalogue)
        }

    declared = {
        index.name
        for table in schema.metadata.sorted_tables
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    try:
        assert database.write_now(partial) == declared
    finally:
        database.close()


def test_tables_are_stored_as_they_say(database_url: str) -> None:
    """Nor how tables are stored."""
    database = Database(normalise_url(database_url))

    def stored(connection: Connection) -> dict[str, object]:
        if not database.is_sqlite:
            found = connection.exec_driver_sql(
                "SELECT relname, reloptions FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            )
            return {name: set(options or ()) for name, options in found}
        found = connection.exec_driver_sql("SELECT name, sql LIKE '%WITHOUT ROWID%' FROM sqlite_master")
        return {name: not without for name, without in found}

    def declared(table: Table) -> object:
        options = table.dialect_options["sqlite" if database.is_sqlite else "postgresql"]
        if database.is_sqlite:
            return options["with_rowid"]
        return {f"{name}={setting}" for name, setting in (options["with"] or {}).items()}

    try:
        found = database.write_now(stored)
        assert {table.name: declared(table) for table in schema.metadata.sorted_tables} == {
            name: found[name] for name in schema.metadata.tables
        }
    finally:
        database.close()


def test_every_table_of_customer_data_starts_its_keys_with_the_bucket() -> None:
    shared = {"service_provider", "service", "api_token", "gateway_state", "provider_lane", "idempotent_call"} | {
        "terms_change",
        "campaign",
        "worker",
        "duty",
        "scheduled_task",
        "probe_state",
    }
    for table in schema.metadata.sorted_tables:
        if table.name in shared:
            continue
        if table.name == "inbound_key":  # by the provider's id, so that messages of a batch are neighbours
            assert "bucket" in table.primary_key.columns
            continue
        assert next(column.name for column in table.primary_key) == "bucket", table.name
        for index in table.indexes:
            if index.unique:
                assert next(iter(index.columns)).name == "bucket", index.name


def test_a_reset_empties_every_table_but_the_shared_state() -> None:
    kept = {"gateway_state", "provider_lane", "worker", "duty", "scheduled_task"}
    assert {table.name for table in schema.RESET} == set(schema.metadata.tables) - kept


@pytest.mark.anyio
async def test_a_whole_day_can_be_migrated_back(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1", "10086977")
    await gateway.gateway.engine.stop()

    await gateway.gateway.storage.database.write(migrations.downgrade)
    assert await gateway.gateway.storage.database.write(_names) == set()
    # The gateway gives its worker number back when it stops.
    await gateway.gateway.storage.database.write(migrations.upgrade)
