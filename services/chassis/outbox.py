"""The outbox relay: brings a service's committed events from its database to the event log, in order.

A command leaves its events in `outbox_event` within its own transaction. The relay reads the rows in id order, appends
them as one batch and then deletes them: the log has them now, and a database that kept them too would grow by more than
the data they tell of. If it dies between the two, the batch is appended again with the same event ids, which the readers'
inboxes drop.

On PostgreSQL several `work` replicas may run. Each pass holds a transaction-level advisory lock of its database, so one
replica publishes at a time and the lock goes with the connection when that replica dies. `FOR UPDATE SKIP LOCKED` would
let two replicas append neighbouring batches in either order. Should two relays nevertheless overlap, order still
holds for readers: every relay starts at the lowest unpublished id, so what it appends first is never ahead of something
that was not appended at all.

Ids follow the order of the inserts among the rows that are there; SQLite begins anew once the table is empty, so rows are
deleted by their event ids and never by numbers that may have been given out again. The events of one aggregate are
therefore in order when its commands lock the aggregate's row before they emit, which an update of that row does by
itself.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Row, delete, func, select, text

from services.chassis.db import TABLES, Database, Transaction
from services.chassis.eventlog import DEFAULT_PARTITIONS, EventLog, EventLogError, Record
from services.chassis.telemetry import OUTBOX_PUBLISHED, logger

BATCH_ROWS = 500
BATCH_BYTES = 8_000_000
_PRUNE_ROWS = 5000
_FIRST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 15.0
# Of the advisory lock; the number means nothing but must be the same in every replica.
_LOCK = 0x6F7574626F78  # "outbox"

_outbox = TABLES.outbox_event


class OutboxRelay:
    """One per service. `run` is its thread's work; `publish` is one pass, for tests and for draining.

    A commit in this process wakes it at once. Rows that another process committed (`serve` and `work` apart) are found
    by a look at the database every `look_every_s` seconds.
    """

    def __init__(
        self,
        database: Database,
        event_log: EventLog,
        *,
        partitions: int = DEFAULT_PARTITIONS,
        look_every_s: float | None = None,
    ) -> None:
        self._database = database
        self._event_log = event_log
        self._partitions = partitions
        # Only PostgreSQL is shared between processes as a rule; there, the look decides the delay of every event.
        self._look_every_s = look_every_s or (2.0 if database.is_sqlite else 0.2)
        self._wake = threading.Event()
        database.on_outbox_commit.append(self.wake)

    def wake(self) -> None:
        """There may be something to publish, or `stop` was just set: do not wait for the next look."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set, then publish what is left. An unreachable event log only delays."""
        backoff_s = _FIRST_BACKOFF_S
        pruned = False
        while True:
            # In this order, a `wake` that follows `stop.set` is never lost.
            self._wake.clear()
            last = stop.is_set()
            try:
                if not pruned:
                    self.prune()
                    pruned = True
                while self.publish():
                    pass
                backoff_s = _FIRST_BACKOFF_S
            except EventLogError as error:
                logger().warning("outbox_waits", kind=type(error).__name__, problem=str(error), again_in_s=backoff_s)
                if last:
                    return
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
                continue
            if last:
                return
            self._wake.wait(self._look_every_s)

    def publish(self) -> int:
        """Append the next batch and delete it; how many rows that were. 0 also when another replica is at it.

        Raises `EventLogError` with nothing deleted when the log did not take the batch.
        """
        if self._database.is_sqlite:
            # Holding the file's only write lock while the log is written would stop every command of the service.
            with self._database.read() as connection:
                rows = _next_rows(connection)
            self._append(rows)
            if rows:
                with self._database.write() as transaction:
                    transaction.execute(_gone(rows))
        else:
            with self._database.write() as transaction:
                rows = _next_rows(transaction.connection) if _my_turn(transaction) else []
                self._append(rows)
                if rows:
                    transaction.execute(_gone(rows))
        OUTBOX_PUBLISHED.labels(self._database.service).inc(len(rows))
        return len(rows)

    def prune(self) -> int:
        """Delete the rows that earlier versions published and kept, a bounded number at a time; how many."""
        old = select(_outbox.c.id).where(_outbox.c.published_at.is_not(None)).limit(_PRUNE_ROWS)
        deleted = 0
        while True:
            with self._database.write() as transaction:
                count = transaction.execute(delete(_outbox).where(_outbox.c.id.in_(old))).rowcount
            deleted += count
            if count < _PRUNE_ROWS:
                return deleted

    def _append(self, rows: Sequence[Row[Any]]) -> None:
        if rows:
            self._event_log.ensure_topics({row.topic for row in rows}, self._partitions)
            self._event_log.append([Record(row.topic, row.key, row.value, row.headers) for row in rows])


def _gone(rows: Sequence[Row[Any]]) -> Delete:
    return delete(_outbox).where(_outbox.c.event_id.in_([row.event_id for row in rows]))


def pending(database: Database) -> int:
    """Rows not yet published."""
    with database.read() as connection:
        query = select(func.count()).select_from(_outbox).where(_outbox.c.published_at.is_(None))
        return int(connection.execute(query).scalar_one())


def _next_rows(connection: Connection) -> list[Row[Any]]:
    """The lowest unpublished rows in id order, at most `BATCH_ROWS` and, beyond the first, `BATCH_BYTES`."""
    waiting = _outbox.c.published_at.is_(None)
    sizes = connection.execute(
        select(_outbox.c.id, func.length(_outbox.c.value)).where(waiting).order_by(_outbox.c.id).limit(BATCH_ROWS)
    ).all()
    if not sizes:
        return []
    ids: list[int] = []
    total = 0
    for row_id, size in sizes:
        total += size
        if ids and total > BATCH_BYTES:
            break
        ids.append(row_id)
    return list(connection.execute(select(_outbox).where(_outbox.c.id.in_(ids)).order_by(_outbox.c.id)))


def _my_turn(transaction: Transaction) -> bool:
    """Whether no other replica is publishing; then none will until this transaction ends."""
    got = transaction.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK})
    return bool(got.scalar_one())
