"""The schema that the migrations make is the schema that the models say, on both databases."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from services.chassis import migrations
from services.chassis.db import Database
from services.chassis.schema_state import of_a_service

SERVICES = ("identity", "supplies", "metering", "billing", "notifications")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_make_what_the_models_say(service: str, database: Database) -> None:
    migrations.upgrade(database, service)
    assert migrations.at_head(database, service)
    with database.read() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": of_a_service})
        models = migrations.metadata_of(service)
        assert compare_metadata(found, models) == []
        if database.is_sqlite:  # what the comparison leaves out
            options = inspect(connection).get_table_options
            numbered = {name: options(name).get("sqlite_with_rowid", True) for name in models.tables}
            assert numbered == {
                name: table.dialect_options["sqlite"]["with_rowid"] for name, table in models.tables.items()
            }


def test_an_empty_database_is_not_at_head(database: Database) -> None:
    assert not migrations.at_head(database, "billing")


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrations.upgrade(database, "supplies")
    migrations.upgrade(database, "supplies")
    assert migrations.at_head(database, "supplies")


def test_a_starter_waits_for_another_that_opens_the_same_new_file(tmp_path: Path) -> None:
    """The switch to the write-ahead log does not wait for a lock by itself: it has to be tried again."""
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(f"sqlite:///{tmp_path}/new.db")

    def journal_mode() -> str:
        with database.read() as connection:
            return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())

    with ThreadPoolExecutor(1) as pool:
        starter = pool.submit(journal_mode)
        with pytest.raises(TimeoutError):
            starter.result(timeout=0.5)
        other.execute("COMMIT")
        assert starter.result(timeout=30) == "wal"
    other.close()
    database.close()


def test_two_starters_migrate_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(2)]
    failures: list[BaseException] = []

    def migrate(database: Database) -> None:
        try:
            migrations.upgrade(database, "identity")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=migrate, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert migrations.at_head(databases[0], "identity")
    for database in databases:
        database.close()
