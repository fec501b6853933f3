"""What a revision does to tables that are in use: indexes and new values, without holding anybody up.

For revisions with ``transactional = False``. Each step may be repeated: such a revision starts again from its beginning
when it was interrupted. In a new database, which nobody uses yet, the same steps run inside the one transaction of the whole.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection, text

PATIENCE = "coop_patience"
"""Under this name a migration's options hold its `Patience`; absent inside a transaction that spans everything."""


@dataclass(frozen=True)
class Patience:
    """How long a migration may hold others up, in seconds. SQLite's own waiting time for the write lock stays as it is."""

    #: A statement that waits longer for a lock gives up, lets the others pass, and is tried again.
    lock_s: float = 3.0
    #: Longest statement of a migration.
    statement_s: float = 60.0
    #: Longest building of an index, which locks nobody out.
    index_s: float = 3600.0
    tries: int = 20
    first_pause_s: float = 0.5
    longest_pause_s: float = 10.0
    #: Between two batches, so that on SQLite, where one writes at a time, others get their turn.
    batch_pause_s: float = 0.02
    #: How long to wait for another migration of the same database.
    turn_s: float = 900.0

    def pause_s(self, failures: int) -> float:
        """Wait after so many failures in a row."""
        return float(min(self.first_pause_s * 2 ** (failures - 1), self.longest_pause_s))

    def limit(self, connection: Connection) -> None:
        """Sets the limits for the transaction in progress, where the database has such."""
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(self.lock_s * 1000)}")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(self.statement_s * 1000)}")


def in_batches(table: str, key: str, statement: str, *, batch: int = 500, **values: Any) -> int:
    """Runs ``statement`` over the rows of ``table`` in the order of ``key``, a transaction for each batch; how many it changed.

    The statement has ``BETWEEN :first AND :last`` on the key, and passes over rows that are done already. Rows that running
    code adds behind the last batch are its own business: they get their value when they are written, or are found by
    another revision once the older code is gone.
    """
    connection = op.get_bind()
    quoted = connection.dialect.identifier_preparer.quote
    column, name = quoted(key), quoted(table)
    rows = f"SELECT {column} AS k FROM {name} {{where}} ORDER BY {column} LIMIT :batch"
    last: Any = None
    changed = 0
    while True:
        where = "" if last is None else f"WHERE {column} > :last"
        bounds = text(f"SELECT min(k), max(k) FROM ({rows.format(where=where)}) AS batch_rows")
        with _own_transaction(connection):
            first, last = connection.execute(
                bounds, {"batch": batch, "last": last} if where else {"batch": batch}
            ).one()
            if first is None:
                return changed
            changed += connection.execute(text(statement), {"first": first, "last": last, **values}).rowcount
        _let_others_pass()


def create_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False, where: str = "") -> None:
    """Makes an index of a table in use: on PostgreSQL beside those who write, and anew when a broken attempt left half of it."""
    connection = op.get_bind()
    patience: Patience | None = op.get_context().opts.get(PATIENCE)
    partial: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    if patience is None or connection.dialect.name == "sqlite":
        with _own_transaction(connection):
            op.create_index(name, table, list(columns), unique=unique, if_not_exists=True, **partial)
        return
    with _outside_transactions(connection, patience):
        valid = connection.execute(
            text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(quote_ident(:name))"), {"name": name}
        ).scalar()
        if valid is False:
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(
            name, table, list(columns), unique=unique, if_not_exists=True, postgresql_concurrently=True, **partial
        )


@contextmanager
def _own_transaction(connection: Connection) -> Iterator[None]:
    patience: Patience | None = op.get_context().opts.get(PATIENCE)
    if patience is None:
        yield
        return
    with connection.begin():
        patience.limit(connection)
        yield


@contextmanager
def _outside_transactions(connection: Connection, patience: Patience) -> Iterator[None]:
    """Building an index beside writers takes several transactions of the server's own. It waits for those who began before
    it, without anybody waiting for it: so no lock timeout, and a long one for the whole."""
    before = connection.get_isolation_level()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    try:
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql(f"SET statement_timeout = {int(patience.index_s * 1000)}")
        yield
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql("RESET lock_timeout")
            connection.exec_driver_sql("RESET statement_timeout")
            connection.commit()
            connection.execution_options(isolation_level=before)


def _let_others_pass() -> None:
    patience: Patience | None = op.get_context().opts.get(PATIENCE)
    if patience is not None:
        threading.Event().wait(patience.batch_pause_s)
