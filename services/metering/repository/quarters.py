"""The quarters of hours that came by quarters: every version of a day, and those kept for meters that no supply has yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select

from services.chassis.db import Transaction
from services.metering.domain.quarter_hours import (
    DayQuarters,
    QuarterRows,
    blank_quarters,
    lay,
    pack_quarters,
    unpack_quarters,
)
from services.metering.repository.curves import Revision, Stored
from services.metering.repository.sql import slices
from services.metering.tables import day_quarters, kept_quarters

_ALWAYS = (1 << 31) - 1
"""Revisions are below it (tables/base.py)."""


def store(tx: Transaction, incoming: DayQuarters, of: Revision) -> Stored:
    """Lay quarters over those of their points. A day with something new or different in it has a new version, and what it was
    counts as superseded hours.
    """
    return _store(tx, day_quarters, incoming, of)


def keep(tx: Transaction, incoming: DayQuarters, of: Revision) -> None:
    """The same for quarters of meters without a supply."""
    _store(tx, kept_quarters, incoming, of)


def take_kept(tx: Transaction, meter_key: int, start: int, end: int) -> dict[int, DayQuarters]:
    """The kept quarters of a meter in local days [start, end) by revision. They are no longer kept."""
    table = kept_quarters
    chosen = (table.c.meter_key == meter_key) & (table.c.day >= start) & (table.c.day < end)
    rows = tx.execute(select(table).where(chosen).order_by(table.c.day)).all()
    if rows:
        tx.execute(delete(table).where(chosen))
    numbers = {row.revision for row in rows}
    return {number: _columns([row for row in rows if row.revision == number]) for number in numbers}


def quarters_between(
    connection: Connection, owners: Sequence[int], start: int, end: int, version: int = _ALWAYS
) -> QuarterRows:
    """The quarters of the points as known now, or at a revision, local days [start, end), ordered by point and day."""
    days = day_quarters.c.day
    return _newest(connection, day_quarters, owners, (days >= start) & (days < end), version)


def _store(tx: Transaction, table: Table, incoming: DayQuarters, of: Revision) -> Stored:
    merged, differs = lay(_current(tx, table, incoming), incoming.wh)
    changed = np.flatnonzero(differs.any(axis=1))
    owner, day = incoming.owner[changed], incoming.day[changed]
    packed = pack_quarters(merged[changed])
    name = next(iter(table.primary_key.columns)).name
    rows = [
        {name: one, "day": number, "revision": of.number, "quarters": blob}
        for one, number, blob in zip(owner.tolist(), day.tolist(), packed, strict=True)
    ]
    if rows:
        tx.execute(insert(table), rows)
    hours = differs.sum(axis=1)[changed]
    return Stored(owner, day, hours, 0, 0, int(hours.sum()))


def _current(tx: Transaction, table: Table, of: DayQuarters) -> NDArray[np.int64]:
    """The stored quarters (n, 25, 4) of these days, blank where there are none."""
    current = blank_quarters(len(of.day))
    wanted = {place: at for at, place in enumerate(zip(of.owner.tolist(), of.day.tolist(), strict=True))}
    for one in np.unique(of.owner).tolist():
        # Day by day: a stray one of a broken clock must not read years of quarters in between.
        for days in slices(of.day[of.owner == one].tolist()):
            rows = _newest(tx.connection, table, [one], table.c.day.in_(days))
            for number, wh in zip(rows.day.tolist(), rows.wh, strict=True):
                current[wanted[one, number]] = wh
    return current


def _newest(
    connection: Connection, table: Table, owners: Sequence[int], days: ColumnElement[bool], version: int = _ALWAYS
) -> QuarterRows:
    """The last version of each day up to a revision."""
    owner = next(iter(table.primary_key.columns))
    newest: dict[tuple[int, int], Any] = {}
    for some in slices(sorted(set(owners))):
        query = select(table).where(owner.in_(some), days, table.c.revision <= version)
        for row in connection.execute(query.order_by(table.c.revision)):
            newest[row[0], row.day] = row
    return _columns([newest[place] for place in sorted(newest)])


def _columns(rows: Sequence[Any]) -> QuarterRows:
    numbers = np.array([(row[0], row.day, row.revision) for row in rows], np.int64).reshape(len(rows), 3)
    wh = unpack_quarters([row.quarters for row in rows])
    return QuarterRows(numbers[:, 0], numbers[:, 1], wh, numbers[:, 2])
