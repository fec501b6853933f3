"""Readings into the database: which supply each belongs to, what changed, and the news of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

import numpy as np
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import CurveReady
from numpy.typing import NDArray

from services.chassis.db import Transaction
from services.metering.application.aftermath import follow_up
from services.metering.application.places import bounds, places_of
from services.metering.application.registers import store_readings
from services.metering.application.topics import CURVE_TOPIC
from services.metering.domain.hours import LocalDays, day_of_number
from services.metering.domain.merge import Layer, empty_layer, layers
from services.metering.domain.readings import ReadingBatch, RefusedRow
from services.metering.domain.registers import RegisterRow
from services.metering.repository import curves, points, quarters
from services.metering.repository.cups import owner_of, places_of_cups
from services.metering.repository.imports import ImportRecord


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


def store_batch(tx: Transaction, days: LocalDays, batch: ReadingBatch, record: ImportRecord) -> list[RefusedRow]:
    """Store a batch; the record counts what became of it. The register readings that are nobody's are given back refused.

    Hours go to the measuring point on which their meter hung on that local day, or whose supply has their CUPS; those of
    nobody are kept until a supply claims them (promote, adopt).
    """
    if len(batch):
        _store_hours(tx, days, batch, record)
    return _store_closes(tx, batch, record) if batch.closes else []


def _store_hours(tx: Transaction, days: LocalDays, batch: ReadingBatch, record: ImportRecord) -> None:
    now = tx.clock.now()
    day, _ = days.day_and_slot(batch.hour)
    places = places_of(tx, batch, day)
    known = places.point > 0
    changes = Changes(record.id)

    measured, repeats = _layers(days, places.point, batch, known)
    record.duplicates += repeats
    for layer in measured:
        revision = curves.Revision(tx, now, record.id)
        stored = _store_layer(tx, layer, revision, changes)
        record.accepted += stored.new + stored.superseded
        record.superseded += stored.superseded
        record.duplicates += stored.duplicates

    stray = ~known
    homeless, repeats = _layers(days, places.owner, batch, stray)
    record.duplicates += repeats
    for layer in homeless:
        revision = curves.Revision(tx, now, record.id)
        stored = curves.keep(tx, layer, revision)
        if layer.quarters is not None:
            quarters.keep(tx, layer.quarters, revision)
        record.of_unknown_meters += stored.new + stored.superseded
        record.duplicates += stored.duplicates
    index, count = np.unique(batch.meter[stray], return_counts=True)
    for one, hours in zip(index.tolist(), count.tolist(), strict=True):
        record.note_unknown(batch.meters[one], hours, by_supply=batch.by_supply)
    changes.emit(tx)


def _layers(
    days: LocalDays, owner: NDArray[np.int64], batch: ReadingBatch, some: NDArray[np.bool_]
) -> tuple[list[Layer], int]:
    """Some of a batch's hours as layers, and how many only repeat the one before."""
    parts = None if batch.quarters is None else batch.quarters[some]
    return layers(days, owner[some], batch.hour[some], batch.values[some], batch.quality[some], parts)


def _store_layer(tx: Transaction, layer: Layer, of: curves.Revision, changes: Changes) -> curves.Stored:
    """Store hours and the quarters that they came by."""
    stored = curves.store(tx, layer, of)
    changes.note(stored, of)
    if layer.quarters is not None:
        # Told once where hours changed with them; the same hours may have come by other quarters, too.
        changes.note(quarters.store(tx, layer.quarters, of).without(stored), of)
    return stored


def _store_closes(tx: Transaction, batch: ReadingBatch, record: ImportRecord) -> list[RefusedRow]:
    stored = store_readings(tx, batch.closes, record.id)
    record.register_readings += stored.new
    record.duplicates += stored.duplicates
    for serial in stored.unknown_meters:
        record.note_unknown(serial, 1, by_supply=False)
    reasons = {id(row): _nobodys(row) for row in stored.unplaced} | {
        id(row): _elsewhere(row) for row in stored.misplaced
    }
    return [
        replace(told, reason=reasons[id(batch.closes[place])])
        for place, told in batch.texts.items()
        if id(batch.closes[place]) in reasons
    ]


def _nobodys(row: RegisterRow) -> str:
    return f'No supply of the cooperative is "{row.supply}", or it has no meter of this kind on {row.day}.'


def _elsewhere(row: RegisterRow) -> str:
    return f'On {row.day} the meter {row.meter} hung at another supply than "{row.supply}": one of the two is wrong.'


def promote(tx: Transaction, assignments: list[points.Assignment]) -> None:
    """Readings that were kept for meters that now hang on a point become its curve, in the order they came.

    The meters must be locked.
    """
    _claim(tx, sorted(assignments, key=lambda a: (a.point_key, a.start)))


def adopt(tx: Transaction, cups: str) -> bool:
    """The same for hours of a CUPS that a supply has now; whether one has."""
    key = points.lock_meters(tx, {owner_of(cups)})[owner_of(cups)]
    places = places_of_cups(tx.connection, {cups: key})
    _claim(tx, places)
    return bool(places)


def nobodys(tx: Transaction, codes: Collection[str]) -> list[str]:
    """Those of some CUPS that no supply has; none will have one of them before this transaction ends."""
    keys = points.lock_meters(tx, {owner_of(cups) for cups in codes})
    placed = {one.meter_key for one in places_of_cups(tx.connection, {cups: keys[owner_of(cups)] for cups in codes})}
    return sorted(cups for cups in codes if keys[owner_of(cups)] not in placed)


def unhung(tx: Transaction, serials: Collection[str]) -> list[str]:
    """Those of some meters that never hung at a supply."""
    keys = points.lock_meters(tx, set(serials))
    hung = {one.meter_key for one in points.assignments_of_meters(tx, keys.values())}
    return sorted(serial for serial, key in keys.items() if key not in hung)


def _claim(tx: Transaction, assignments: list[points.Assignment]) -> None:
    points.lock_points(tx, {assignment.point_key for assignment in assignments})
    changes = Changes()
    for assignment in assignments:
        start, end = bounds(assignment)
        days = start, min(end, 1 << 30)
        hours = curves.take_kept(tx, assignment.meter_key, *days)
        parts = quarters.take_kept(tx, assignment.meter_key, *days)
        for number in sorted(hours.keys() | parts.keys()):
            layer = hours.get(number) or empty_layer()
            layer.quarters = parts.get(number)
            _store_layer(tx, layer.at(assignment.point_key), curves.Revision(tx, tx.clock.now(), None), changes)
    changes.emit(tx)
