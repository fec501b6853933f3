"""Energy per tariff period of many services at once: what a bill run asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from services.chassis.db import Database
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.application.quarters import power_limits, quarter_demands
from services.metering.application.register_energy import closes_read, closes_shown, maximum_power
from services.metering.domain.calendar import TariffCalendar, calendar
from services.metering.domain.hours import END_DAY, FIRST_DAY, LocalDays, day_number, local_days
from services.metering.domain.overlay import CurveRows
from services.metering.domain.quarter_demands import Demands
from services.metering.domain.reactive import REACTIVE_PERIODS, reactive_totals
from services.metering.domain.register_closes import MeterClose
from services.metering.domain.registers import MaximumPower
from services.metering.domain.totals import BillableHour, billable_hours, hours_expected, period_totals
from services.metering.repository import overlay, points, sharing
from services.metering.repository.points import Point

SLICE = 500
"""Services whose month is read at once: about 15,000 day rows."""


@dataclass(frozen=True)
class EnergyQuery:
    """The energy of one service in local days [start, end) under a tariff."""

    supply_id: str
    service_id: str
    tariff: str
    period: DatePeriod
    by_hour: bool = False
    quarters_above: tuple[tuple[str, int], ...] = ()
    """Tariff period ("P1") and W: of these periods, the quarters of an hour above."""


@dataclass(frozen=True)
class PeriodEnergy:
    """Wh of one tariff period ("P1")."""

    period: str
    import_wh: int
    export_wh: int


@dataclass(frozen=True)
class ReactiveEnergy:
    """varh of one tariff period ("P1") by quadrant, R1 to R4."""

    period: str
    varh: tuple[int, int, int, int]


@dataclass(frozen=True)
class BillableEnergy:
    """The answer to a query: every period of the tariff, the hours it rests on, and the newest curve version used.

    ``closes``: what registers counted, of a service without any hour in the period (water, meters read by hand) that shares
    no installation; of one with hours what its meters showed at the first and the last midnight, where both are known.
    ``maximum_power``: of monthly closes. ``reactive``: under tariffs of six periods, where there is any. ``hours``: every
    one with a value, of a query that asks for them. ``quarters``: what is known of the quarters above the powers asked for.
    """

    supply_id: str
    service_id: str
    energy: tuple[PeriodEnergy, ...]
    hours_expected: int
    hours_measured: int
    hours_estimated: int
    curve_version: int
    closes: tuple[MeterClose, ...] = ()
    maximum_power: tuple[MaximumPower, ...] = ()
    reactive: tuple[ReactiveEnergy, ...] = ()
    hours: tuple[BillableHour, ...] = ()
    quarters: Demands | None = None

    @property
    def hours_missing(self) -> int:
        """Hours without any value: they carry no energy and are never taken for zero."""
        return self.hours_expected - self.hours_measured - self.hours_estimated


def billable_energy(database: Database, time_zone: str, queries: Sequence[EnergyQuery]) -> Iterator[BillableEnergy]:
    """One answer per query, in the same order. Raises Invalid before the first answer when a query is wrong.

    A service that metering has not heard of has all its hours missing.
    """
    days = local_days(time_zone)
    for number, query in enumerate(queries):
        _check(query, f"queries[{number}]")
    for begin in range(0, len(queries), SLICE):
        yield from _answers(database, days, queries[begin : begin + SLICE], begin)


def tariff_calendar(tariff: str, zone: str, field: str) -> TariffCalendar:
    """The calendar of a tariff. Raises Invalid naming the field."""
    try:
        return calendar(tariff, zone)
    except ValueError as wrong:
        raise Invalid(str(wrong), "UNKNOWN_TARIFF", field=field) from wrong


def _check(query: EnergyQuery, field: str) -> None:
    if not query.service_id:
        raise Invalid(f"{field} names no service.", field=f"{field}.service_id")
    if query.period.start < FIRST_DAY or query.period.end > END_DAY:
        raise Invalid(
            f"The period {query.period.start} to {query.period.end} is outside {FIRST_DAY} to {END_DAY}.",
            field=f"{field}.period",
        )
    known = tariff_calendar(query.tariff, "peninsula", f"{field}.tariff")
    power_limits(query.quarters_above, known, f"{field}.quarters_above")


def _answers(database: Database, days: LocalDays, queries: Sequence[EnergyQuery], first: int) -> list[BillableEnergy]:
    answers: list[BillableEnergy | None] = [None] * len(queries)
    with database.read() as connection:
        known = points.points_of_services(connection, {query.service_id for query in queries})
        alike: dict[tuple[str, str, DatePeriod], list[int]] = defaultdict(list)
        for index, query in enumerate(queries):
            point = known.get(query.service_id)
            if point is not None and query.supply_id and point.supply_id != query.supply_id:
                raise Invalid(
                    f"Service {query.service_id} is not one of supply {query.supply_id}.",
                    field=f"queries[{first + index}].supply_id",
                )
            # Without a point there are no hours to classify: any zone gives the tariff's periods, all empty.
            alike[(query.tariff, point.tariff_zone if point else "peninsula", query.period)].append(index)
        for (tariff, zone, period), indexes in alike.items():
            some = [queries[i] for i in indexes]
            table = tariff_calendar(tariff, zone, "tariff")
            found = _alike(connection, days, table, period, some, known)
            for index, answer in zip(indexes, found, strict=True):
                answers[index] = answer
    return [answer for answer in answers if answer is not None]


def _alike(
    connection: Connection,
    days: LocalDays,
    table: TariffCalendar,
    period: DatePeriod,
    queries: list[EnergyQuery],
    known: dict[str, Point],
) -> list[BillableEnergy]:
    """Answers of services with the same tariff, zone and period."""
    start, end = day_number(period.start), day_number(period.end)
    keys = np.array([known[q.service_id].key if q.service_id in known else 0 for q in queries], np.int64)
    owners = np.unique(keys[keys > 0])
    rows = overlay.curves_between(connection, owners.tolist(), start, end)
    asker = np.searchsorted(owners, rows.owner)
    totals = period_totals(table, days, asker, len(owners), rows.day, rows.curves)
    version = np.zeros(len(owners), np.int64)
    np.maximum.at(version, asker, rows.revision)
    expected = hours_expected(days, start, end)
    hours = totals.measured + totals.estimated
    unread = owners[hours == 0].tolist()
    shared = sharing.sharing_owners(connection, unread, start, end)
    closes = closes_read(connection, [owner for owner in unread if owner not in shared], period)
    read = owners[hours > 0].tolist()
    sharers = sharing.sharing_owners(connection, read, start, end)
    closes |= closes_shown(connection, [owner for owner in read if owner not in sharers], period)
    power = maximum_power(connection, read, period)
    reactive = _reactive(days, table, asker, len(owners), rows)
    by_hour = {known[q.service_id].key for q in queries if q.by_hour and q.service_id in known}
    hourly = _hourly(days, table, rows, by_hour)
    asked = {
        index: (key, power_limits(query.quarters_above, table, "quarters_above"))
        for index, (query, key) in enumerate(zip(queries, keys.tolist(), strict=True))
        if query.quarters_above
    }
    above = quarter_demands(connection, days, table, period, asked)
    answers = []
    for index, (query, key) in enumerate(zip(queries, keys.tolist(), strict=True)):
        at = int(np.searchsorted(owners, key)) if key else -1
        demands, newest = above.get(index, (None, 0))
        answers.append(
            BillableEnergy(
                query.supply_id,
                query.service_id,
                tuple(
                    PeriodEnergy(
                        f"P{number + 1}",
                        int(totals.import_wh[at, number]) if key else 0,
                        int(totals.export_wh[at, number]) if key else 0,
                    )
                    for number in range(table.periods)
                ),
                expected,
                int(totals.measured[at]) if key else 0,
                int(totals.estimated[at]) if key else 0,
                max(int(version[at]), newest) if key else 0,
                tuple(closes.get(key, ())),
                tuple(power.get(key, ())),
                tuple(reactive.get(at, ())),
                hourly.get(key, ()) if query.by_hour else (),
                demands,
            )
        )
    return answers


def _hourly(
    days: LocalDays, table: TariffCalendar, rows: CurveRows, owners: set[int]
) -> dict[int, tuple[BillableHour, ...]]:
    """The hours of the few owners that are priced by them, by owner; the rows are in the order of their owners."""
    found = {}
    for owner in owners:
        of_owner = np.arange(*np.searchsorted(rows.owner, [owner, owner + 1]))
        found[owner] = billable_hours(table, days, rows.day[of_owner], rows.curves.take(of_owner))
    return found


def _reactive(
    days: LocalDays, table: TariffCalendar, asker: NDArray[np.int64], askers: int, rows: CurveRows
) -> dict[int, list[ReactiveEnergy]]:
    """By asker, the tariff periods that have any."""
    if table.periods < REACTIVE_PERIODS:
        return {}
    found: dict[int, list[ReactiveEnergy]] = defaultdict(list)
    varh = reactive_totals(table, days, asker, askers, rows.day, rows.curves)
    for at, number in np.argwhere(varh.any(axis=2)).tolist():
        r1, r2, r3, r4 = varh[at, number].tolist()
        found[at].append(ReactiveEnergy(f"P{number + 1}", (r1, r2, r3, r4)))
    return found
