"""Bringing a schema to the head of the code while older code goes on using it.

A new database gets everything in one transaction. Later each revision has a transaction of its own, which gives way when it
has to wait for a lock and is then tried again: whoever waits for a lock on a table makes all others wait behind it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from services.chassis.db import Database
from services.chassis.schema_history import History, is_transactional
from services.chassis.schema_state import SchemaError, current, keep_from_others, note_support, state_of
from services.chassis.schema_steps import PATIENCE, Patience
from services.chassis.telemetry import logger

_LOCK = "hashtext('acometida-migrate')"
#: Of PostgreSQL: lock_not_available, deadlock_detected.
_HELD_UP = {"55P03", "40P01"}
_TOO_LONG = "57014"
_TURN_LOOK_S = 0.1


def upgrade(
    database: Database, service: str, patience: Patience | None = None, *, history: History | None = None
) -> None:
    """Brings the schema to head; changes nothing when it is there, or ahead and this code still runs with it.

    Two starters do not collide: SQLite's write lock or a PostgreSQL advisory lock orders them. Raises SchemaError when the
    schema is ahead of code that it does not support, or when others hold locks for longer than ``patience`` lasts.
    """
    history = history or History(service)
    patience = patience or Patience()
    with _turn(database, service, patience):
        failures = 0
        while True:
            try:
                if not _step(database, history, patience):
                    return
                failures = 0
            except DBAPIError as error:
                failures += 1
                _give_way(error, history, patience, failures)


def _step(database: Database, history: History, patience: Patience) -> bool:
    """Takes the schema to the next revision, or all the way when it is new; whether there was anything to do."""
    with _writing(database) as connection:
        found = state_of(connection, history)
        if found.condition == "refused":
            raise SchemaError(found.sentence)
        if found.condition == "newer":
            logger().warning("schema_is_newer", problem=found.sentence)
            return False
        missing = history.after(found.found)
        if not missing:
            _note(connection, history, found.found)
            return False
        if not found.found:
            _apply(connection, history, missing)
            return True
        if is_transactional(missing[0].module):
            patience.limit(connection)
            _apply(connection, history, missing[:1])
            return True
    (revision, *_) = missing
    with database.engine.connect() as free, _in_operations(free, {PATIENCE: patience}):
        revision.module.upgrade()
    with _writing(database) as connection:
        # Another starter may have been here: on SQLite nothing keeps two from walking through the same batches.
        if current(connection) == revision.down_revision:
            patience.limit(connection)
            _stamp(connection, history, revision)
    return True


def _apply(connection: Connection, history: History, revisions: list[Script]) -> None:
    with _in_operations(connection, {}):
        before = _contents(connection)
        for revision in revisions:
            revision.module.upgrade()
        if not before.items() <= _contents(connection).items():
            _check_references(connection)
        _stamp(connection, history, revisions[-1])


@contextmanager
def _in_operations(connection: Connection, options: dict[str, Any]) -> Iterator[None]:
    with Operations.context(MigrationContext.configure(connection, opts=options)):
        yield


def _stamp(connection: Connection, history: History, revision: Script) -> None:
    logger().info("schema_migrated", service=history.service, revision=revision.revision)
    MigrationContext.configure(connection).stamp(history.script, revision.revision)
    _note(connection, history, revision.revision)


def _note(connection: Connection, history: History, found: str) -> None:
    note_support(connection, history, found)
    if connection.dialect.name == "postgresql":
        keep_from_others(connection)


def _give_way(error: DBAPIError, history: History, patience: Patience, failures: int) -> None:
    """Waits before the next try. Raises SchemaError when there is none, and the error itself when it is of another kind."""
    state = getattr(error.orig, "sqlstate", None)
    busy = getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")
    if state == _TOO_LONG:
        raise SchemaError(
            f"A statement of the migration of {history.service} took longer than {patience.statement_s:g} s and was taken "
            "back: let the revision work in batches, or raise COOP_MIGRATE_STATEMENT_SECONDS for this once."
        ) from error
    if state not in _HELD_UP and not busy:
        raise error
    if failures >= patience.tries:
        raise SchemaError(
            f"The migration of {history.service} was held up {failures} times by locks of others, each time for "
            f"{patience.lock_s:g} s: look for a long transaction (pg_stat_activity) and migrate again. "
            "Every revision that was finished is kept."
        ) from error
    pause_s = patience.pause_s(failures)
    logger().warning("migration_gives_way", service=history.service, failures=failures, again_in_s=pause_s)
    threading.Event().wait(pause_s)


@contextmanager
def _turn(database: Database, service: str, patience: Patience) -> Iterator[None]:
    """One migration of a PostgreSQL database at a time.

    It is asked for again and again instead of waited for: a waiting statement would itself hold up the building of an index
    by whoever has the lock (https://www.postgresql.org/docs/15/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY).
    """
    if database.is_sqlite:
        yield
        return
    deadline = time.monotonic() + patience.turn_s
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar():
            if time.monotonic() > deadline:
                raise SchemaError(
                    f"Another migration of {service} has been going on for {patience.turn_s:g} s: wait for its end."
                )
            threading.Event().wait(_TURN_LOOK_S)
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))


@contextmanager
def _writing(database: Database) -> Iterator[Connection]:
    """A write transaction; on SQLite one that may replace a table to which others refer, as changing a constraint takes
    there (https://www.sqlite.org/lang_altertable.html#otheralter). The switch has no effect once a transaction has begun.
    """
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if database.is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _contents(connection: Connection) -> dict[str, int]:
    """On SQLite what is otherwise once rows were changed or a table replaced, but not when something was only added.

    Looking through all references takes the time of reading the whole file, in which nobody can write.
    """
    if connection.dialect.name != "sqlite":
        return {}
    driver: Any = connection.connection.driver_connection
    pages = connection.exec_driver_sql("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'").all()
    return {"": driver.total_changes, **{row.name: row.rootpage for row in pages}}


def _check_references(connection: Connection) -> None:
    """What SQLite did not check meanwhile; nothing is committed when a row refers to one that is not there."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(
            f"the migration left {len(broken)} rows that refer to rows which are not there: {broken[:3]}"
        )
