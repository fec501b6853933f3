"""What members and staff see of a curve: billed and published periods, and the hours of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from services.chassis.clock import Clock, local_date
from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod
from services.metering.application.reasons import reasons_between
from services.metering.domain.calendar import FLAT, TARIFF_PERIODS, ZONE_TIME, calendar
from services.metering.domain.curve import DayCurves
from services.metering.domain.estimation.explain import Reason
from services.metering.domain.hours import END_DAY, FIRST_DAY, LocalDays, day_number, day_of_number, local_days
from services.metering.domain.overlay import CurveRows
from services.metering.domain.publication import MONTH_DAY, Publication, first_not_shown
from services.metering.domain.readings import EXPORT, IMPORT, MISSING, is_estimated
from services.metering.domain.totals import day_periods
from services.metering.repository import curves, overlay, points, visibility
from services.metering.repository.points import ContractTariff, Point
from services.metering.repository.visibility import BilledPeriod

LONGEST_RANGE = 400
"""Days one call may ask for: a year and a month, some 10,000 hours."""


@dataclass(frozen=True)
class Hour:
    """One present hour: ``start`` in hours since the epoch (UTC), Wh, and its tariff period ("P1").

    ``method``: how the value was obtained (domain/readings.py). ``reason``: place in the curve's reasons, from 1; 0 = none.
    """

    start: int
    import_wh: int
    export_wh: int
    method: int
    tariff_period: str
    reason: int = 0

    @property
    def estimated(self) -> bool:
        return is_estimated(self.method)


@dataclass(frozen=True)
class Day:
    """A local day: how many hours it has and those that are present. Missing hours are absent, never zero."""

    day: date
    hours_expected: int
    hours: list[Hour]


@dataclass(frozen=True)
class Curve:
    """Days of a range, every one of them, the tariff in force at its end, and why hours of it are estimated."""

    days: list[Day]
    time_zone: str
    tariff: str
    reasons: Sequence[Reason] = ()


class Views:
    """The use cases of whoever looks at consumption. Everything of a supply that is not the caller's is NotFound."""

    def __init__(self, database: Database, clock: Clock, time_zone: str, publication: Publication) -> None:
        self._database, self._clock, self._time_zone, self.publication = database, clock, time_zone, publication

    def billed_periods(
        self, caller: Principal, supply_id: str, size: int, after: tuple[date, str] | None
    ) -> list[BilledPeriod]:
        """The periods a supply was billed for, the newest first, from the one after ``after`` (start, invoice id) on."""
        with self._database.read() as connection:
            point = visible_point(connection, caller, supply_id)
            return visibility.billed_page(connection, point.service_id, size, after)

    def published_periods(self, caller: Principal, supply_id: str) -> list[DatePeriod]:
        """The days whose hours the supply's members see, as ranges, the newest first."""
        with self._database.read() as connection:
            point = visible_point(connection, caller, supply_id)
            return self._shown(connection, point, None)[::-1]

    def curve(
        self,
        caller: Principal,
        supply_id: str,
        period: DatePeriod,
        service_id: str = "",
        version: int = 0,
        known_at: datetime | None = None,
    ) -> Curve:
        """The hours of a range. A member sees published days only: a range with any other day is NotFound.

        With a ``version`` they are those that an invoice was made from, without reasons. With an instant ``known_at`` they
        are those that were known then, estimates and their reasons included; the tariff is what is known of it now. Raises
        Invalid for both at once, and for an instant to come.
        """
        _check_range(period)
        check_known_at(known_at, self._clock.now())
        if known_at is not None and version:
            raise Invalid("Ask for a curve_version or for an instant known_at, not for both.", field="known_at")
        days = local_days(self._time_zone)
        first, end = day_number(period.start), day_number(period.end)
        with self._database.read() as connection:
            point = visible_point(connection, caller, supply_id, service_id)
            if caller.kind == "member":
                self._check_shown(connection, point, period)
            contracts = points.contracts_of(connection, point.key)
            then = version or (None if known_at is None else curves.revision_known_at(connection, known_at))
            if then is None:
                rows = overlay.curves_between(connection, [point.key], first, end)
            else:
                rows = overlay.curves_of_version(connection, point.key, first, end, then)
            why = {} if version else reasons_between(connection, days, point, first, end, then)
        # One reason of each kind: what members are told has no figures of the tariff period.
        codes = list({reason.code: reason for reason in why.values()}.items())
        place = {code: number for number, (code, _) in enumerate(codes, 1)}
        reason_of = {hour: place[reason.code] for hour, reason in why.items()}
        stored = {day: index for index, day in enumerate(rows.day.tolist())}
        periods = _periods(days, point, contracts, rows)
        found = [
            Day(
                day_of_number(number),
                days.hours_in(number),
                _hours(days, number, rows.curves, stored[number], periods[stored[number]], reason_of)
                if number in stored
                else [],
            )
            for number in range(first, end)
        ]
        tariff = _tariff_on(contracts, day_of_number(end - 1))
        return Curve(found, self._time_zone, tariff, tuple(reason for _, reason in codes))

    def _shown(self, connection: Connection, point: Point, asked: DatePeriod | None) -> list[DatePeriod]:
        read = visibility.read_days(connection, point.key) if self.publication.policy == MONTH_DAY else None
        today = local_date(self._clock.now(), ZoneInfo(self._time_zone))
        return self.publication.shown(visibility.billed_within(connection, point.service_id, asked), read, today)

    def _check_shown(self, connection: Connection, point: Point, asked: DatePeriod) -> None:
        hidden = first_not_shown(self._shown(connection, point, asked), asked)
        if hidden is None:
            return
        if self.publication.policy == MONTH_DAY:
            raise NotFound(
                f"Consumption from {asked.start} to {asked.end} is not shown yet on {hidden}: a month is, once it is billed "
                f"or from day {self.publication.from_day} of the month after it.",
                "CURVE_NOT_PUBLISHED",
            )
        raise NotFound(
            f"Consumption from {asked.start} to {asked.end} is not billed yet on {hidden}: choose a billed period.",
            "CURVE_NOT_BILLED",
        )


def visible_point(connection: Connection, caller: Principal, supply_id: str, service_id: str = "") -> Point:
    """The point of a service of the supply; of its electricity, else its first service, when none is named.

    Raises NotFound. A supply of somebody else is the same as none: the answer must not tell them apart.
    """
    found = points.point_of_supply(connection, supply_id)
    if found is None or (caller.kind == "member" and not visibility.may_read(connection, caller.id, supply_id)):
        raise NotFound(f"There is no supply {supply_id[:60]!r}.", "SUPPLY_NOT_FOUND")
    if not service_id:
        return found
    named = points.points_of_services(connection, [service_id]).get(service_id)
    if named is None or named.supply_id != supply_id:
        raise NotFound(f"Supply {supply_id[:60]!r} has no service {service_id[:60]!r}.", "SERVICE_NOT_FOUND")
    return named


def check_known_at(known_at: datetime | None, now: datetime) -> None:
    """Raises Invalid for an instant to come: nobody can say what will be known then."""
    if known_at is not None and known_at > now:
        raise Invalid(
            f"known_at is {known_at.isoformat()}, an instant still to come (it is {now.isoformat()}): leave it out for what "
            "is known now.",
            field="known_at",
        )


def _check_range(period: DatePeriod) -> None:
    if period.days > LONGEST_RANGE:
        raise Invalid(f"The range has {period.days} days: ask for at most {LONGEST_RANGE} at once.", field="period")
    if period.start < FIRST_DAY or period.end > END_DAY:
        raise Invalid(f"The range {period.start} to {period.end} is outside {FIRST_DAY} to {END_DAY}.", field="period")


def _tariff_on(contracts: list[ContractTariff], day: date) -> str:
    for contract in reversed(contracts):
        if contract.start <= day and (contract.end is None or day < contract.end):
            return contract.tariff
    return FLAT


def _periods(days: LocalDays, point: Point, contracts: list[ContractTariff], rows: CurveRows) -> np.ndarray:
    """Tariff period of every slot of the stored days (n, 25). Tariffs without hour discrimination have P1 alone."""
    periods = np.zeros(rows.curves.quality.shape, np.uint8)
    tariffs = [_tariff_on(contracts, day_of_number(day)) for day in rows.day.tolist()]
    for tariff in set(tariffs):
        discriminates = tariff in TARIFF_PERIODS and point.tariff_zone in ZONE_TIME
        table = calendar(tariff if discriminates else FLAT, point.tariff_zone)
        chosen = np.array([one == tariff for one in tariffs], bool)
        periods[chosen] = day_periods(table, days, rows.day[chosen])
    return periods


def _hours(
    days: LocalDays, number: int, stored: DayCurves, index: int, periods: np.ndarray, reason_of: Mapping[int, int]
) -> list[Hour]:
    first = days.start_of(number)
    values, quality = stored.values[index], stored.quality[index]
    return [
        Hour(
            first + slot,
            int(values[slot, IMPORT]),
            int(values[slot, EXPORT]),
            int(quality[slot]),
            f"P{periods[slot]}",
            reason_of.get(first + slot, 0),
        )
        for slot in range(int(stored.length[index]))
        if quality[slot] != MISSING
    ]
