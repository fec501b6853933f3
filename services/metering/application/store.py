"""Readings into the database: which supply each belongs to, what changed, and the news of it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import CurveReady
from numpy.typing import NDArray

from services.chassis.db import Transaction
from services.metering.application.aftermath import follow_up
from services.metering.application.topics import CURVE_TOPIC
from services.metering.domain.hours import LocalDays, day_number, day_of_number
from services.metering.domain.merge import layers
from services.metering.domain.readings import ReadingBatch
from services.metering.repository import curves, points
from services.metering.repository.imports import ImportRecord

_FOR_EVER = np.iinfo(np.int64).max


class Changes:
    """What a transaction changed in the curves; told once, as one event per supply and month.

    ``settled``: estimates were made of it already. Otherwise those that rest on what changed wait to be made again.
    """

    def __init__(self, import_id: str = "", *, settled: bool = False) -> None:
        self._import_id, self._settled = import_id, settled
        # (point, year, month) -> [first day, last day, hours, highest revision]
        self._months: dict[tuple[int, int, int], list[int]] = {}

    def note(self, stored: curves.Stored, revision: curves.Revision) -> None:
        """Remember the days that a round of changes touched."""
        columns = (stored.owner.tolist(), stored.day.tolist(), stored.hours.tolist())
        for owner, number, hours in zip(*columns, strict=True):
            day = day_of_number(number)
            month = self._months.setdefault((owner, day.year, day.month), [number, number, 0, 0])
            month[0], month[1] = min(month[0], number), max(month[1], number)
            month[2] += hours
            month[3] = revision.number

    def emit(self, tx: Transaction) -> None:
        """Leave the events in the outbox."""
        known = points.points_by_key(tx.connection, {owner for owner, _, _ in self._months})
        events = []
        for (owner, _, _), (first, last, hours, version) in sorted(self._months.items()):
            point = known[owner]
            event = CurveReady(
                supply_id=point.supply_id,
                service_id=point.service_id,
                period=DatePeriod(start=day_of_number(first).isoformat(), end=day_of_number(last + 1).isoformat()),
                hours_stored=hours,
                curve_version=version,
                import_id=self._import_id,
            )
            events.append((CURVE_TOPIC, point.supply_id, event))
        tx.emit_many(events)
        if not self._settled:
            follow_up(tx, self._spans(), "curve")

    def _spans(self) -> dict[int, tuple[date, date]]:
        """First day and the day after the last one that changed, by point."""
        spans: dict[int, tuple[date, date]] = {}
        for (owner, _, _), (first, last, _, _) in self._months.items():
            start, end = day_of_number(first), day_of_number(last + 1)
            known = spans.get(owner, (start, end))
            spans[owner] = min(known[0], start), max(known[1], end)
        return spans


def store_batch(tx: Transaction, days: LocalDays, batch: ReadingBatch, record: ImportRecord) -> None:
    """Store a batch of readings; the record counts what became of them.

    Readings go to the measuring point on which their meter hung on that local day; those of meters that hung nowhere are
    kept until a supply claims them (promote).
    """
    now = tx.clock.now()
    keys = points.lock_meters(tx, batch.meters)
    meter_key = np.array([keys[serial] for serial in batch.meters], np.int64)[batch.meter]
    day, _ = days.day_and_slot(batch.hour)
    point = _points_of(points.assignments_of_meters(tx, set(keys.values())), meter_key, day)
    known = point > 0
    points.lock_points(tx, np.unique(point[known]).tolist())
    changes = Changes(record.id)

    measured, repeats = layers(days, point[known], batch.hour[known], batch.values[known], batch.quality[known])
    record.duplicates += repeats
    for layer in measured:
        revision = curves.Revision(tx, now, record.id)
        stored = curves.store(tx, layer, revision)
        changes.note(stored, revision)
        record.accepted += stored.new + stored.superseded
        record.superseded += stored.superseded
        record.duplicates += stored.duplicates

    stray = ~known
    homeless, repeats = layers(days, meter_key[stray], batch.hour[stray], batch.values[stray], batch.quality[stray])
    record.duplicates += repeats
    for layer in homeless:
        stored = curves.keep(tx, layer, curves.Revision(tx, now, record.id))
        record.of_unknown_meters += stored.new + stored.superseded
        record.duplicates += stored.duplicates
    stray_meters = {batch.meters[index] for index in np.unique(batch.meter[stray]).tolist()}
    record.unknown_meters = sorted(stray_meters | set(record.unknown_meters))
    changes.emit(tx)


def promote(tx: Transaction, assignments: list[points.Assignment]) -> None:
    """Readings that were kept for meters that now hang on a point become its curve, in the order they came.

    The meters must be locked.
    """
    points.lock_points(tx, {assignment.point_key for assignment in assignments})
    changes = Changes()
    for assignment in sorted(assignments, key=lambda a: (a.point_key, a.start)):
        start, end = _bounds(assignment)
        for layer in curves.take_kept(tx, assignment.meter_key, start, min(end, 1 << 30)):
            layer.owner[:] = assignment.point_key
            revision = curves.Revision(tx, tx.clock.now(), None)
            changes.note(curves.store(tx, layer, revision), revision)
    changes.emit(tx)


def _points_of(
    assignments: list[points.Assignment], meter_key: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The point of each reading (n,), 0 where its meter hung nowhere. ``assignments``: the latest of a meter first."""
    found = np.zeros(len(meter_key), np.int64)
    if not len(found):
        return found
    of_meter: dict[int, list[points.Assignment]] = defaultdict(list)
    for assignment in assignments:
        of_meter[assignment.meter_key].append(assignment)
    meters, index = np.unique(meter_key, return_inverse=True)
    # Almost every meter has one assignment, so this loop runs once; a second round serves meters that moved.
    for level in range(max((len(some) for some in of_meter.values()), default=0)):
        point, start, end = (np.zeros(len(meters), np.int64) for _ in range(3))
        for position, key in enumerate(meters.tolist()):
            some = of_meter.get(key, [])
            if level < len(some):
                point[position] = some[level].point_key
                start[position], end[position] = _bounds(some[level])
        here = (found == 0) & (day >= start[index]) & (day < end[index])
        found[here] = point[index][here]
    return found


def _bounds(assignment: points.Assignment) -> tuple[int, int]:
    end: date | None = assignment.end
    return day_number(assignment.start), int(_FOR_EVER) if end is None else day_number(end)
