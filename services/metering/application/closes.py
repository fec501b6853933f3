"""The closes of measuring points: readings of the meters while they hung there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from services.metering.domain.hours import END_DAY, FIRST_DAY
from services.metering.domain.register_closes import MeterClose, closes, without_overlaps
from services.metering.repository import holdings, readings
from services.metering.repository.points import Assignment
from services.metering.repository.readings import StoredReading


@dataclass(frozen=True)
class PointClose:
    """A close, and the point at which its meter hung."""

    point_key: int
    close: MeterClose


def closes_of(assignments: Iterable[Assignment], found: Iterable[StoredReading]) -> set[PointClose]:
    """Closes between readings of a meter while it hung on one point; the day it came and the day it left included."""
    of_meter: dict[int, list[StoredReading]] = defaultdict(list)
    for reading in found:
        of_meter[reading.meter_key].append(reading)
    return {
        PointClose(assignment.point_key, close)
        for assignment in assignments
        for close in closes(
            reading.kept
            for reading in of_meter.get(assignment.meter_key, ())
            if reading.kept and hung(assignment, reading.day)
        )
    }


def all_closes(connection: Connection, assignments: Sequence[Assignment]) -> set[PointClose]:
    """Every close that the meters' readings ever made while they hung there."""
    meters = {assignment.meter_key for assignment in assignments}
    if not readings.any_of(connection, meters):
        return set()
    return closes_of(assignments, readings.around(connection, meters, FIRST_DAY, END_DAY))


def closes_between(
    connection: Connection, point_keys: Collection[int], start: date, end: date
) -> dict[int, list[MeterClose]]:
    """By point, the closes that share a day with [start, end), none of which covers a day twice."""
    assignments = holdings.assignments_of_points(connection, point_keys)
    meters = {assignment.meter_key for assignment in assignments}
    if not readings.any_of(connection, meters):
        return {}
    of_point: dict[int, list[MeterClose]] = defaultdict(list)
    for one in closes_of(assignments, readings.around(connection, meters, start, end)):
        if one.close.period.start < end and one.close.period.end > start:
            of_point[one.point_key].append(one.close)
    return {key: without_overlaps(some) for key, some in of_point.items()}


def hung(assignment: Assignment, day: date) -> bool:
    """Whether a reading of that midnight is one of the meter while it hung there."""
    return assignment.start <= day and (assignment.end is None or day <= assignment.end)


def at(assignments: Sequence[Assignment], day: date) -> Assignment | None:
    """The assignment on a day; on the day of a removal that of the meter that came, else of the one that left."""
    here = [one for one in assignments if hung(one, day)]
    return max(here, key=lambda one: one.start, default=None)
