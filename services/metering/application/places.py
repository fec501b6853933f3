"""Whose the hours of a batch are: the measuring point of each, by the meter's assignment on that day or by the CUPS."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.chassis.db import Transaction
from services.metering.domain.hours import day_number
from services.metering.domain.readings import ReadingBatch
from services.metering.repository import points
from services.metering.repository.cups import owner_of, places_of_cups
from services.metering.repository.points import Assignment

_FOR_EVER = np.iinfo(np.int64).max


@dataclass
class Places:
    """Of each hour (n,): ``owner``, the key under which it is kept while nobody has it, and ``point``, 0 for nobody's."""

    owner: NDArray[np.int64]
    point: NDArray[np.int64]


def places_of(tx: Transaction, batch: ReadingBatch, day: NDArray[np.int64]) -> Places:
    """The places of a batch's hours, whose local days are ``day``. Meters, CUPS and points are held from now on."""
    if batch.by_supply:
        keys = points.lock_meters(tx, {owner_of(cups) for cups in batch.meters})
        of_name = {cups: keys[owner_of(cups)] for cups in batch.meters}
        assignments = places_of_cups(tx.connection, of_name)
    else:
        of_name = points.lock_meters(tx, batch.meters)
        assignments = points.assignments_of_meters(tx, set(of_name.values()))
    owner = np.array([of_name[name] for name in batch.meters], np.int64)[batch.meter]
    found = _points_of(assignments, owner, day)
    points.lock_points(tx, np.unique(found[found > 0]).tolist())
    return Places(owner, found)


def bounds(assignment: Assignment) -> tuple[int, int]:
    """First day and the day after the last one of an assignment, as day numbers."""
    end: date | None = assignment.end
    return day_number(assignment.start), int(_FOR_EVER) if end is None else day_number(end)


def _points_of(assignments: list[Assignment], owner: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """The point of each reading (n,), 0 where its owner hung nowhere. ``assignments``: of an owner, the first one counts."""
    found = np.zeros(len(owner), np.int64)
    if not len(found):
        return found
    of_owner: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in assignments:
        of_owner[assignment.meter_key].append(assignment)
    owners, index = np.unique(owner, return_inverse=True)
    # Almost every meter has one assignment, so this loop runs once; a second round serves meters that moved.
    for level in range(max((len(some) for some in of_owner.values()), default=0)):
        point, start, end = (np.zeros(len(owners), np.int64) for _ in range(3))
        for position, key in enumerate(owners.tolist()):
            some = of_owner.get(key, [])
            if level < len(some):
                point[position] = some[level].point_key
                start[position], end[position] = bounds(some[level])
        here = (found == 0) & (day >= start[index]) & (day < end[index])
        found[here] = point[index][here]
    return found
