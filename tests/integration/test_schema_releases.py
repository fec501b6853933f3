"""Code and schema of different releases: who serves, who waits, who refuses; and migrations that have to give way."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from services.chassis import migrations
from services.chassis.db import Database
from services.chassis.migrations import Patience, SchemaError
from services.chassis.schema_history import History
from services.local.postgres import Postgres
from tests.support.revisions import revision

NOTE = 'op.create_table("note", sa.Column("id", sa.Integer, primary_key=True), sa.Column("words", sa.Text))'
HURRIED = Patience(lock_s=0.05, first_pause_s=0.01, longest_pause_s=0.02)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


class Releases:
    """Releases of a made-up service, each knowing the revisions up to its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[tuple[str, str, dict[str, object]]] = []

    def release(self, upgrade: str, **attributes: object) -> History:
        name = f"{len(self._made) + 1:04d}"
        self._made.append((name, upgrade, attributes))
        folder = self._folder / f"release-{name}"
        before = None
        for number, (made, body, said) in enumerate(self._made):
            before = self._made[number - 1][0] if number else None
            revision(folder, made, before, body, **said)
        return History("notes", folder)


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


@pytest.fixture
def postgresql(postgres: Postgres) -> Iterator[Database]:
    made = Database(postgres.new_database())
    yield made
    made.close()


def test_older_code_serves_what_was_added_and_refuses_what_was_taken(database: Database, releases: Releases) -> None:
    first = releases.release(NOTE)
    assert migrations.state(database, "notes", first).condition == "older"
    migrations.upgrade(database, "notes", history=first)
    assert migrations.state(database, "notes", first).condition == "head"

    added = releases.release('op.add_column("note", sa.Column("colour", sa.Text))')
    waiting = migrations.state(database, "notes", added)
    assert (waiting.condition, waiting.served) == ("older", False)
    assert "is at 0001; this code needs 0002: run 'python -m services.notes migrate'" in waiting.sentence
    migrations.upgrade(database, "notes", history=added)
    ahead = migrations.state(database, "notes", first)
    assert (ahead.condition, ahead.served, ahead.found) == ("newer", True, "0002")
    migrations.upgrade(database, "notes", history=first)  # the Job of a release that is rolled back
    assert migrations.state(database, "notes", added).condition == "head"

    taken = releases.release('op.drop_column("note", "words")', supports="0002", dangerous="no code reads it any more")
    migrations.upgrade(database, "notes", history=taken)
    assert migrations.state(database, "notes", added).condition == "newer"
    refused = migrations.state(database, "notes", first)
    assert (refused.condition, refused.served) == ("refused", False)
    assert "is at 0003, newer than this code, which is of 0001; it runs with code from 0002 on" in refused.sentence
    with pytest.raises(SchemaError, match="from 0002 on"):
        migrations.upgrade(database, "notes", history=first)


def test_what_was_taken_stays_taken_in_later_revisions(database: Database, releases: Releases) -> None:
    first = releases.release(NOTE)
    migrations.upgrade(database, "notes", history=first)
    releases.release('op.drop_column("note", "words")', dangerous="a reason, and therefore no older code")
    last = releases.release('op.add_column("note", sa.Column("colour", sa.Text))')
    migrations.upgrade(database, "notes", history=last)
    assert last.oldest == {"0001": "0001", "0002": "0002", "0003": "0002"}
    assert migrations.state(database, "notes", first).condition == "refused"


def test_a_schema_that_says_nothing_is_refused(database: Database, releases: Releases) -> None:
    first = releases.release(NOTE)
    second = releases.release('op.add_column("note", sa.Column("colour", sa.Text))')
    migrations.upgrade(database, "notes", history=second)
    with database.write() as tx:
        tx.execute(text("DELETE FROM schema_support"))
    assert "does not say that such code still runs" in migrations.state(database, "notes", first).sentence
    migrations.upgrade(database, "notes", history=second)  # notes it again
    assert migrations.state(database, "notes", first).condition == "newer"


def test_a_revision_cannot_support_code_of_the_future(releases: Releases) -> None:
    with pytest.raises(ValueError, match="supports = '0007'"):
        _ = releases.release(NOTE, supports="0007").oldest


def test_a_failed_revision_leaves_the_ones_before_it(database: Database, releases: Releases) -> None:
    migrations.upgrade(database, "notes", history=releases.release(NOTE))
    releases.release('op.add_column("note", sa.Column("colour", sa.Text))')
    broken = releases.release('op.create_table("half", sa.Column("id", sa.Integer))\nraise RuntimeError("no")')
    with pytest.raises(RuntimeError, match="no"):
        migrations.upgrade(database, "notes", history=broken)
    assert migrations.state(database, "notes", broken).found == "0002"
    with database.read() as connection:
        assert "half" not in inspect(connection).get_table_names()


PAGE = (
    'op.create_table("page", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("note", sa.Integer, sa.ForeignKey("note.id")))'
)


def test_references_are_looked_through_when_rows_changed_and_only_then(tmp_path: Path, releases: Releases) -> None:
    """On SQLite, where they are not checked meanwhile: looking through a large file keeps everybody from writing."""
    database = Database(f"sqlite:///{tmp_path}/notes.db")
    migrations.upgrade(database, "notes", history=releases.release(f"{NOTE}\n{PAGE}"))
    with database.write() as tx:
        tx.execute(text("INSERT INTO note (id) VALUES (1)"))
        tx.execute(text("INSERT INTO page (id, note) VALUES (1, 1)"))
    added = releases.release('op.add_column("note", sa.Column("colour", sa.Text))')
    broken = releases.release('op.execute("DELETE FROM note")')
    with pytest.raises(RuntimeError, match="1 rows that refer to rows which are not there"):
        migrations.upgrade(database, "notes", history=broken)
    assert migrations.state(database, "notes", added).condition == "head"
    with database.engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with connection.begin():
            connection.execute(text("DELETE FROM note"))
    # What somebody broke earlier is not this revision's doing: it is not even looked for.
    harmless = Releases(tmp_path / "again")
    harmless.release(f"{NOTE}\n{PAGE}")
    harmless.release('op.add_column("note", sa.Column("colour", sa.Text))')
    last = harmless.release('op.add_column("note", sa.Column("size", sa.Integer))')
    migrations.upgrade(database, "notes", history=last)
    assert migrations.state(database, "notes", last).condition == "head"
    database.close()


def test_a_migration_gives_way_and_comes_back(postgresql: Database, releases: Releases) -> None:
    """Somebody holds the table: nobody queues behind the migration for longer than its lock timeout."""
    migrations.upgrade(postgresql, "notes", history=releases.release(NOTE))
    second = releases.release('op.add_column("note", sa.Column("colour", sa.Text))')
    with postgresql.engine.connect() as reader:
        reader.execute(text("SELECT * FROM note"))
        with pytest.raises(SchemaError, match="held up 3 times by locks of others"):
            migrations.upgrade(postgresql, "notes", Patience(0.05, tries=3, first_pause_s=0.01), history=second)
        assert migrations.state(postgresql, "notes", second).found == "0001"
        worker = threading.Thread(
            target=migrations.upgrade, args=(postgresql, "notes", HURRIED), kwargs={"history": second}
        )
        worker.start()
        reader.rollback()
    worker.join(60)
    assert migrations.state(postgresql, "notes", second).condition == "head"


def test_a_statement_that_takes_too_long_is_taken_back(postgresql: Database, releases: Releases) -> None:
    migrations.upgrade(postgresql, "notes", history=releases.release(NOTE))
    slow = releases.release('op.execute("SELECT pg_sleep(5)")')
    with pytest.raises(SchemaError, match=r"took longer than 0\.1 s.*COOP_MIGRATE_STATEMENT_SECONDS"):
        migrations.upgrade(postgresql, "notes", Patience(statement_s=0.1), history=slow)
    assert migrations.state(postgresql, "notes", slow).found == "0001"


def test_an_index_that_was_left_broken_is_made_anew(postgresql: Database, releases: Releases) -> None:
    migrations.upgrade(postgresql, "notes", history=releases.release(NOTE))
    with postgresql.write() as tx:
        tx.execute(text("INSERT INTO note (id, words) VALUES (1, 'twice'), (2, 'twice')"))
    second = releases.release(
        'steps.create_index("ix_note_words", "note", ["words"], unique=True)', transactional=False
    )
    with pytest.raises(Exception, match="could not create unique index"):
        migrations.upgrade(postgresql, "notes", history=second)
    with postgresql.write() as tx:
        tx.execute(text("DELETE FROM note WHERE id = 2"))
    migrations.upgrade(postgresql, "notes", history=second)
    with postgresql.read() as connection:
        assert connection.execute(
            text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_note_words'::regclass")
        ).scalar()


def test_new_values_come_in_batches_and_may_be_interrupted(
    database: Database, releases: Releases, tmp_path: Path
) -> None:
    migrations.upgrade(database, "notes", history=releases.release(NOTE))
    with database.write() as tx:
        tx.execute(
            text("INSERT INTO note (id, words) VALUES (:id, 'Salt')"), [{"id": number} for number in range(1, 8)]
        )
    fill = (
        'steps.in_batches("note", "id", "UPDATE note SET words = upper(words) || :sign WHERE id BETWEEN :first AND :last "\n'
        '"AND words NOT LIKE \'%!\'", batch=3, sign="!")'
    )
    revision(tmp_path / "broken", "0001", None, NOTE)
    revision(
        tmp_path / "broken", "0002", "0001", f'{fill}\nraise RuntimeError("the machine fell")', transactional=False
    )
    broken = History("notes", tmp_path / "broken")
    with pytest.raises(RuntimeError, match="fell"):
        migrations.upgrade(database, "notes", history=broken)
    assert migrations.state(database, "notes", broken).found == "0001"
    mended = releases.release(fill, transactional=False)
    migrations.upgrade(database, "notes", history=mended)
    with database.read() as connection:
        assert set(connection.execute(text("SELECT words FROM note")).scalars()) == {"SALT!"}
        assert migrations.state(database, "notes", mended).condition == "head"
