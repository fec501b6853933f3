"""Day curves with all their versions, and the readings kept for meters that no supply has yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update

from services.chassis.db import Transaction
from services.metering.domain.curve import DayCurves, blank_days, pack, unpack
from services.metering.domain.merge import Layer, Merged, merge
from services.metering.domain.overlay import CurveRows
from services.metering.repository.sql import slices
from services.metering.tables import day_curve, day_curve_history, kept_reading, revision

_RUN_GAP = 40
"""Days apart that make two separate reads: a stray day of a broken clock must not read years of curves in between."""


@dataclass
class Stored:
    """What laying readings over the stored curves did: per day (n,) the owner, the day and its new or changed hours."""

    owner: NDArray[np.int64]
    day: NDArray[np.int64]
    hours: NDArray[np.int64]
    new: int
    duplicates: int
    superseded: int

    def without(self, other: Stored) -> Stored:
        """The days alone that the other did not change."""
        days = set(zip(other.owner.tolist(), other.day.tolist(), strict=True))
        some = np.array([place not in days for place in zip(self.owner.tolist(), self.day.tolist(), strict=True)], bool)
        hours = self.hours[some]
        return Stored(self.owner[some], self.day[some], hours, 0, 0, int(hours.sum()))


class Revision:
    """The number under which one round of changes becomes known, given out only when something changes.

    Each layer of readings needs a revision of its own: a later layer supersedes what the one before it stored.
    """

    def __init__(self, tx: Transaction, known_at: datetime, import_id: str | None) -> None:
        self._tx, self._row = tx, {"known_at": known_at, "import_id": import_id}
        self._number: int | None = None

    @property
    def number(self) -> int:
        """Later revisions have larger numbers."""
        if self._number is None:
            key = self._tx.execute(insert(revision).values(self._row)).inserted_primary_key
            self._number = int(key[0])  # type: ignore[index]
        return self._number


def store(tx: Transaction, layer: Layer, of: Revision) -> Stored:
    """Lay readings over the curves of their points. A day that changes keeps its version before in the history."""
    rows, blobs, revisions = _load(tx, day_curve, layer)
    merged = merge(_current(layer, rows, blobs), layer.curves)
    changed = np.flatnonzero(merged.changed)
    inserts, updates, history = [], [], []
    for index, curve in zip(changed.tolist(), pack(merged.curves.take(changed)), strict=True):
        point, day = int(layer.owner[index]), int(layer.day[index])
        if index in rows:
            at = rows[index]
            history.append({"point_key": point, "day": day, "revision": revisions[at], "curve": blobs[at]})
            updates.append({"b_point": point, "b_day": day, "revision": of.number, "curve": curve})
        else:
            inserts.append({"point_key": point, "day": day, "revision": of.number, "curve": curve})
    if inserts:
        tx.execute(insert(day_curve), inserts)
    if history:
        tx.execute(insert(day_curve_history), history)
        of_day = (day_curve.c.point_key == bindparam("b_point")) & (day_curve.c.day == bindparam("b_day"))
        changes: dict[str, Any] = {"revision": bindparam("revision"), "curve": bindparam("curve")}
        tx.execute(update(day_curve).where(of_day).values(changes), updates)
    return _stored(layer, merged, changed)


def keep(tx: Transaction, layer: Layer, of: Revision) -> Stored:
    """The same for readings of meters without a supply: every change is one more version."""
    rows, blobs, _ = _load(tx, kept_reading, layer)
    merged = merge(_current(layer, rows, blobs), layer.curves)
    changed = np.flatnonzero(merged.changed)
    inserts = [
        {"meter_key": int(layer.owner[i]), "day": int(layer.day[i]), "revision": of.number, "curve": curve}
        for i, curve in zip(changed.tolist(), pack(merged.curves.take(changed)), strict=True)
    ]
    if inserts:
        tx.execute(insert(kept_reading), inserts)
    return _stored(layer, merged, changed)


def take_kept(tx: Transaction, meter_key: int, start: int, end: int) -> dict[int, Layer]:
    """The kept readings of a meter in local days [start, end) by revision. They are no longer kept."""
    table = kept_reading
    chosen = (table.c.meter_key == meter_key) & (table.c.day >= start) & (table.c.day < end)
    rows = tx.execute(select(table.c.day, table.c.curve, table.c.revision).where(chosen)).all()
    if rows:
        tx.execute(delete(table).where(chosen))
    layers = {}
    for number in {row.revision for row in rows}:
        of_version = [row for row in rows if row.revision == number]
        day = np.array([row.day for row in of_version], np.int64)
        owner = np.full(len(day), meter_key, np.int64)
        layers[number] = Layer(owner, day, unpack([row.curve for row in of_version]))
    return layers


def curves_between(connection: Connection, owners: Sequence[int], start: int, end: int) -> CurveRows:
    """Curves of the points as known now, local days [start, end), ordered by point and day."""
    table = day_curve
    found: list[Any] = []
    columns = (table.c.point_key, table.c.day, table.c.revision, table.c.curve)
    for some in slices(sorted(set(owners))):
        query = select(*columns).where(table.c.point_key.in_(some), table.c.day >= start, table.c.day < end)
        found += connection.execute(query.order_by(table.c.point_key, table.c.day)).all()
    return _columns(found)


def revision_known_at(connection: Connection, known_at: datetime) -> int:
    """The last revision known at an instant; 0 before the first."""
    return int(connection.execute(select(func.max(revision.c.id)).where(revision.c.known_at <= known_at)).scalar() or 0)


def curves_of_version(connection: Connection, point_key: int, start: int, end: int, version: int) -> CurveRows:
    """Curves of one point, local days [start, end), as they stood at a revision."""
    newest: dict[int, Any] = {}
    for table in (day_curve_history, day_curve):
        of_range = (table.c.point_key == point_key) & (table.c.day >= start) & (table.c.day < end)
        query = select(table.c.point_key, table.c.day, table.c.revision, table.c.curve).where(
            of_range, table.c.revision <= version
        )
        for row in connection.execute(query.order_by(table.c.revision)):
            newest[row.day] = row
    return _columns([newest[day] for day in sorted(newest)])


def _stored(layer: Layer, merged: Merged, changed: NDArray[np.int64]) -> Stored:
    return Stored(
        layer.owner[changed],
        layer.day[changed],
        (merged.new + merged.superseded)[changed],
        int(merged.new.sum()),
        int(merged.duplicates.sum()),
        int(merged.superseded.sum()),
    )


def _columns(rows: Sequence[Any]) -> CurveRows:
    numbers = np.array([(row[0], row[1], row[2]) for row in rows], np.int64).reshape(len(rows), 3)
    return CurveRows(numbers[:, 0], numbers[:, 1], numbers[:, 2], unpack([row[3] for row in rows]))


def _load(tx: Transaction, table: Table, layer: Layer) -> tuple[dict[int, int], list[bytes], list[int]]:
    """The newest stored rows of a layer's days: position in the layer -> position in the packed curves and revisions."""
    owner_column = next(iter(table.primary_key.columns))
    wanted = {(o, d): i for i, (o, d) in enumerate(zip(layer.owner.tolist(), layer.day.tolist(), strict=True))}
    rows: dict[int, int] = {}
    blobs: list[bytes] = []
    revisions: list[int] = []
    for first, last, members in _runs(layer.day):
        for some in slices(np.unique(layer.owner[members]).tolist()):
            query = select(owner_column, table.c.day, table.c.revision, table.c.curve).where(
                owner_column.in_(some), table.c.day >= first, table.c.day <= last
            )
            # Ascending revisions: of several kept versions of a day the newest is seen last and stays.
            row: Any
            for row in tx.execute(query.order_by(table.c.revision)):
                index = wanted.get((row[0], row[1]))
                if index is not None:
                    rows[index] = len(blobs)
                    revisions.append(row[2])
                    blobs.append(row[3])
    return rows, blobs, revisions


def _runs(day: NDArray[np.int64]) -> list[tuple[int, int, NDArray[np.int64]]]:
    """Groups of days that lie close together: first day, last day, and the positions of its rows."""
    if not len(day):
        return []
    order = np.argsort(day, kind="stable")
    cuts = np.flatnonzero(np.diff(day[order]) > _RUN_GAP) + 1
    return [(int(day[some[0]]), int(day[some[-1]]), some) for some in np.split(order, cuts)]


def _current(layer: Layer, rows: dict[int, int], blobs: list[bytes]) -> DayCurves:
    """The stored curves in the layer's order, blank where nothing is stored."""
    current = blank_days(layer.curves.length)
    if rows:
        positions = np.array(list(rows), np.int64)
        found = unpack([blobs[at] for at in rows.values()])
        current.values[positions] = found.values
        current.quality[positions] = found.quality
    return current
