"""Limits on attempts, counted in the owning service's own database, so that they survive a restart and hold for all replicas.

Each counter is one row that holds a single instant, the theoretical arrival time of the generic cell rate algorithm (ITU-T
I.371): ``burst`` attempts may come at once, then one every ``every``. No list of attempts is kept and nothing is reset on the hour.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Column, MetaData, String, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis.attempts import Count
from services.chassis.columns import UtcDateTime
from services.chassis.db import Transaction, new_metadata
from services.chassis.errors import Throttled


def limits_table(metadata: MetaData) -> Table:
    """Adds the counters to a service's metadata; asked again, gives the same table."""
    if "attempt_limit" in metadata.tables:
        return metadata.tables["attempt_limit"]
    return Table(
        "attempt_limit",
        metadata,
        Column("key", String(80), primary_key=True),
        Column("full_at", UtcDateTime, nullable=False, index=True),
    )


_TABLE = limits_table(new_metadata())


def spend(tx: Transaction, counts: Iterable[Count], sentence: str) -> None:
    """Takes one attempt from every counter, or none and raises Throttled with ``sentence`` and when to come back.

    ``{wait}`` in the sentence becomes the waiting time in words of time.
    """
    # One order for everybody, so that two attempts never wait for each other's rows.
    wanted = sorted(counts, key=lambda count: count.key)
    now = tx.clock.now()
    _ensure_rows(tx, [count.key for count in wanted], now)
    found = {
        row.key: max(row.full_at, now)
        for row in tx.execute(
            select(_TABLE.c.key, _TABLE.c.full_at)
            .where(_TABLE.c.key.in_([count.key for count in wanted]))
            .order_by(_TABLE.c.key)
            .with_for_update()
        )
    }
    # The burst is used up when a counter is burst x every ahead of the clock.
    waits = [found[c.key] + c.limit.every - (now + c.limit.burst * c.limit.every) for c in wanted]
    if max(waits, default=timedelta(0)) > timedelta(0):
        seconds = max(1, math.ceil(max(waits).total_seconds()))
        raise Throttled(sentence.format(wait=_in_words(seconds)), "TOO_MANY_ATTEMPTS", retry_after_s=seconds)
    for count in wanted:
        tx.execute(update(_TABLE).where(_TABLE.c.key == count.key).values(full_at=found[count.key] + count.limit.every))


def give_back(tx: Transaction, counts: Iterable[Count]) -> None:
    """Returns one attempt to every counter: the attempt turned out to be the owner's."""
    for count in sorted(counts, key=lambda count: count.key):
        row = tx.execute(select(_TABLE.c.full_at).where(_TABLE.c.key == count.key).with_for_update()).first()
        if row:
            tx.execute(update(_TABLE).where(_TABLE.c.key == count.key).values(full_at=row.full_at - count.limit.every))


def forget_idle(tx: Transaction) -> int:
    """Deletes the counters that are full again, which say the same as no row. Gives how many."""
    return tx.execute(delete(_TABLE).where(_TABLE.c.full_at <= tx.clock.now())).rowcount


def _ensure_rows(tx: Transaction, keys: list[str], now: datetime) -> None:
    """Makes the counters that do not exist yet, so that two first attempts at once queue on the same row."""
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    rows = [{"key": key, "full_at": now} for key in keys]
    tx.execute(dialect.insert(_TABLE).values(rows).on_conflict_do_nothing())


def _in_words(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} seconds"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{math.ceil(minutes / 60)} hours"
