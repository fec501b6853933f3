"""What is doubtful of a range of days, supply by supply: what the office has to look at before it accepts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from services.chassis.db import Database
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod
from services.metering.application.closes import hung
from services.metering.domain.hours import END_DAY, FIRST_DAY, day_number, day_of_number
from services.metering.domain.readings import DOUBTFUL, EXPORT, IMPORT
from services.metering.repository import curves, holdings, points, readings
from services.metering.repository.points import Point
from services.metering.repository.readings import StoredReading

SLICE = 200
"""Points whose curves are read at once."""

LONGEST_RANGE = 400
"""Days one call may ask for, as one acceptance may cover."""


@dataclass(frozen=True)
class DoubtfulDay:
    """The hours of a local day that the meter itself doubted, and their Wh."""

    day: date
    hours: int
    import_wh: int
    export_wh: int


@dataclass(frozen=True)
class Doubtful:
    """What is doubtful of a point: days by day, register readings by day."""

    point: Point
    account_number: str
    days: tuple[DoubtfulDay, ...]
    registers: tuple[StoredReading, ...]


def doubtful_readings(database: Database, period: DatePeriod, supply_ids: Sequence[str]) -> Iterator[Doubtful]:
    """What an acceptance of the local days [start, end) would count as measured: of some supplies, or of every one.

    Raises Invalid for a range out of bounds, NotFound for a supply of nobody.
    """
    if period.days > LONGEST_RANGE or period.start < FIRST_DAY or period.end > END_DAY:
        raise Invalid(
            f"The range {period.start} to {period.end} is longer than {LONGEST_RANGE} days, or outside {FIRST_DAY} to "
            f"{END_DAY}: ask for a shorter one.",
            field="period",
        )
    with database.read() as connection:
        keys = _keys(connection, supply_ids)
    for begin in range(0, len(keys), SLICE):
        with database.read() as connection:
            found = _of_points(connection, keys[begin : begin + SLICE], period)
        yield from found


def _keys(connection: Connection, supply_ids: Sequence[str]) -> list[int]:
    if not supply_ids:
        return points.every_key(connection)
    found = []
    for supply_id in dict.fromkeys(supply_ids):
        mine = points.keys_of_supply(connection, supply_id)
        if not mine:
            raise NotFound(f"There is no supply {supply_id[:60]!r} with anything measured.", "SUPPLY_NOT_FOUND")
        found += mine
    return found


def _of_points(connection: Connection, keys: Sequence[int], period: DatePeriod) -> list[Doubtful]:
    days = _days(connection, keys, period)
    registers = _registers(connection, keys, period)
    known = points.points_by_key(connection, sorted(days.keys() | registers.keys()))
    accounts = holdings.account_numbers(connection, {point.supply_id for point in known.values()})
    return [
        Doubtful(
            point,
            accounts.get(point.supply_id, ""),
            tuple(days.get(key, ())),
            tuple(registers.get(key, ())),
        )
        for key, point in sorted(known.items())
    ]


def _days(connection: Connection, keys: Sequence[int], period: DatePeriod) -> dict[int, list[DoubtfulDay]]:
    rows = curves.curves_between(connection, keys, day_number(period.start), day_number(period.end))
    doubtful = rows.curves.quality == DOUBTFUL
    found: dict[int, list[DoubtfulDay]] = defaultdict(list)
    for index in np.flatnonzero(doubtful.any(axis=1)).tolist():
        values = rows.curves.values[index][doubtful[index]]
        day = DoubtfulDay(
            day_of_number(int(rows.day[index])),
            int(doubtful[index].sum()),
            int(values[:, IMPORT].sum()),
            int(values[:, EXPORT].sum()),
        )
        found[int(rows.owner[index])].append(day)
    return found


def _registers(connection: Connection, keys: Sequence[int], period: DatePeriod) -> dict[int, list[StoredReading]]:
    """A register reading belongs to the day that ends with it."""
    assignments = holdings.assignments_of_points(connection, keys)
    first, last = period.start + timedelta(days=1), period.end
    found: dict[int, list[StoredReading]] = defaultdict(list)
    for one in readings.doubtful(connection, {each.meter_key for each in assignments}, first, last):
        for assignment in assignments:
            if assignment.meter_key == one.meter_key and hung(assignment, one.day):
                found[assignment.point_key].append(one)
    return found
