"""What bills take from registers: closes of services without hours, what the meter showed at the first and the last midnight
of those with hours, and the highest power of monthly closes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import Connection

from services.chassis.periods import DatePeriod
from services.metering.application.closes import closes_between, closes_of, hung
from services.metering.domain.register_closes import MeterClose, without_overlaps
from services.metering.domain.registers import WH, MaximumPower
from services.metering.repository import holdings, readings
from services.metering.repository.readings import StoredReading


def closes_read(connection: Connection, point_keys: Collection[int], period: DatePeriod) -> dict[int, list[MeterClose]]:
    """By point, the closes whose final reading lies in the period, the earliest first.

    The reading of the first midnight ends the period before; that of the last midnight belongs to this one.
    """
    found = {
        key: [one for one in some if period.start < one.period.end <= period.end]
        for key, some in closes_between(connection, point_keys, period.start, period.end).items()
    }
    return {key: some for key, some in found.items() if some}


def closes_shown(
    connection: Connection, point_keys: Collection[int], period: DatePeriod
) -> dict[int, list[MeterClose]]:
    """By point, what its meters showed at the first and the last midnight of the period, and where one took another's place
    on the way. Only where together they cover the period: the hours say what was used, this is what the display said.
    """
    assignments = holdings.assignments_of_points(connection, point_keys)
    meters = {assignment.meter_key for assignment in assignments}
    if not readings.any_of(connection, meters):
        return {}
    changes = {day for one in assignments for day in (one.start, one.end) if day and period.start < day < period.end}
    of_point: dict[int, list[MeterClose]] = defaultdict(list)
    for one in closes_of(assignments, readings.of_days(connection, meters, {period.start, period.end, *changes})):
        if one.close.unit == WH:
            of_point[one.point_key].append(one.close)
    found = {key: without_overlaps(some) for key, some in of_point.items()}
    return {key: some for key, some in found.items() if sum(one.period.days for one in some) == period.days}


def maximum_power(
    connection: Connection, point_keys: Collection[int], period: DatePeriod
) -> dict[int, list[MaximumPower]]:
    """By point, the highest quarter-hourly power per tariff period of the monthly closes read in the period, P1 first.

    Of several versions of a close the one received last counts; doubtful closes do not.
    """
    assignments = holdings.assignments_of_points(connection, point_keys)
    meters = {assignment.meter_key for assignment in assignments}
    first = period.start + timedelta(days=1)
    latest: dict[int, dict[date, StoredReading]] = defaultdict(dict)
    for one in readings.with_maximum_power(connection, meters, first, period.end):
        if not one.doubtful:
            latest[one.meter_key][one.day] = one
    highest: dict[int, dict[int, MaximumPower]] = defaultdict(dict)
    for assignment in assignments:
        of_point = highest[assignment.point_key]
        for day, reading in latest.get(assignment.meter_key, {}).items():
            for power in reading.max_power if hung(assignment, day) else ():
                if power.period not in of_point or power.watts > of_point[power.period].watts:
                    of_point[power.period] = power
    return {key: [some[number] for number in sorted(some)] for key, some in highest.items()}
