"""What members and staff see: billed periods, and the hours of a range with quality and tariff period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import FLAT, TARIFF_PERIODS, ZONE_TIME, calendar
from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import END_DAY, FIRST_DAY, LocalDays, day_number, day_of_number, local_days
from services.metering.domain.readings import EXPORT, IMPORT, MISSING, is_estimated
from services.metering.domain.totals import day_periods
from services.metering.repository import curves, points, visibility
from services.metering.repository.points import ContractTariff, Point
from services.metering.repository.visibility import BilledPeriod

LONGEST_RANGE = 400
"""Days one call may ask for: a year and a month, some 10,000 hours."""


@dataclass(frozen=True)
class Hour:
    """One present hour: ``start`` in hours since the epoch (UTC), Wh, whether it is estimated, and its period ("P1")."""

    start: int
    import_wh: int
    export_wh: int
    estimated: bool
    tariff_period: str


@dataclass(frozen=True)
class Day:
    """A local day: how many hours it has and those that are present. Missing hours are absent, never zero."""

    day: date
    hours_expected: int
    hours: list[Hour]


@dataclass(frozen=True)
class Curve:
    """Days of a range, every one of them, and the tariff in force at its end."""

    days: list[Day]
    time_zone: str
    tariff: str


def list_billed_periods(
    database: Database, caller: Principal, supply_id: str, size: int, after: tuple[date, str] | None
) -> list[BilledPeriod]:
    """The periods a supply was billed for, the newest first, from the one after ``after`` (start, invoice id) on.

    NotFound when the supply is not the caller's.
    """
    with database.read() as connection:
        point = _visible_point(connection, caller, supply_id)
        return visibility.billed_page(connection, point.service_id, size, after)


def get_curve(database: Database, time_zone: str, caller: Principal, supply_id: str, period: DatePeriod) -> Curve:
    """The hours of a range. A member sees billed days only: a range with any other day is NotFound."""
    if period.days > LONGEST_RANGE:
        raise Invalid(f"The range has {period.days} days: ask for at most {LONGEST_RANGE} at once.", field="period")
    if period.start < FIRST_DAY or period.end > END_DAY:
        raise Invalid(f"The range {period.start} to {period.end} is outside {FIRST_DAY} to {END_DAY}.", field="period")
    days = local_days(time_zone)
    first = day_number(period.start)
    with database.read() as connection:
        point = _visible_point(connection, caller, supply_id)
        if caller.kind == "member":
            _check_billed(visibility.billed_within(connection, point.service_id, period.start, period.end), period)
        contracts = points.contracts_of(connection, point.key)
        rows = curves.curves_between(connection, [point.key], first, day_number(period.end))
    stored = {day: index for index, day in enumerate(rows.day.tolist())}
    periods = _periods(days, point, contracts, rows)
    found = [
        Day(
            day_of_number(number),
            days.hours_in(number),
            _hours(days, number, rows.curves, stored[number], periods[stored[number]]) if number in stored else [],
        )
        for number in range(first, day_number(period.end))
    ]
    return Curve(found, time_zone, _tariff_on(contracts, day_of_number(day_number(period.end) - 1)))


def _visible_point(connection: Connection, caller: Principal, supply_id: str) -> Point:
    """The supply's point. A supply of somebody else is the same as none: the answer must not tell them apart."""
    point = points.point_of_supply(connection, supply_id)
    if point is None or (caller.kind == "member" and not visibility.may_read(connection, caller.id, supply_id)):
        raise NotFound(f"There is no supply {supply_id[:60]!r}.", "SUPPLY_NOT_FOUND")
    return point


def _check_billed(billed: list[tuple[date, date]], period: DatePeriod) -> None:
    reached = period.start
    for start, end in billed:
        if start <= reached:
            reached = max(reached, end)
    if reached < period.end:
        raise NotFound(
            f"Consumption from {period.start} to {period.end} is not billed yet on {reached}: choose a billed period.",
            "CURVE_NOT_BILLED",
        )


def _tariff_on(contracts: list[ContractTariff], day: date) -> str:
    for contract in reversed(contracts):
        if contract.start <= day and (contract.end is None or day < contract.end):
            return contract.tariff
    return FLAT


def _periods(days: LocalDays, point: Point, contracts: list[ContractTariff], rows: curves.CurveRows) -> np.ndarray:
    """Tariff period of every slot of the stored days (n, 25). Tariffs without hour discrimination have P1 alone."""
    periods = np.zeros(rows.curves.quality.shape, np.uint8)
    tariffs = [_tariff_on(contracts, day_of_number(day)) for day in rows.day.tolist()]
    for tariff in set(tariffs):
        discriminates = tariff in TARIFF_PERIODS and point.tariff_zone in ZONE_TIME
        table = calendar(tariff if discriminates else FLAT, point.tariff_zone)
        chosen = np.array([one == tariff for one in tariffs], bool)
        periods[chosen] = day_periods(table, days, rows.day[chosen])
    return periods


def _hours(days: LocalDays, number: int, stored: DayCurves, index: int, periods: np.ndarray) -> list[Hour]:
    first = days.start_of(number)
    values, quality = stored.values[index], stored.quality[index]
    return [
        Hour(
            first + slot,
            int(values[slot, IMPORT]),
            int(values[slot, EXPORT]),
            is_estimated(int(quality[slot])),
            f"P{periods[slot]}",
        )
        for slot in range(int(stored.length[index]))
        if quality[slot] != MISSING
    ]
