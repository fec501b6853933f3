"""What estimation must know of the contract, and of the same period last year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import TariffCalendar, calendar, power_period
from services.metering.domain.estimation.closes import TECHNICIAN, Close
from services.metering.domain.estimation.series import (
    HourSeries,
    empty_series,
    energy_per_period,
    hours_per_period,
)
from services.metering.domain.hours import LocalDays
from services.metering.domain.readings import ABSURD_WH, REAL


@dataclass(frozen=True)
class Contract:
    """``power_w``: contracted W per power period, P1 first. ``meter_type``: 1 to 5 (RD 1110/2007); households are 5."""

    tariff: str
    zone: str
    power_w: tuple[int, ...]
    meter_type: int = 5

    @property
    def calendar(self) -> TariffCalendar:
        return calendar(self.tariff, self.zone)

    @property
    def most_wh(self) -> int | None:
        """More than this in one hour is not believed; None: nothing is known of the contract that would say so."""
        return most_wh_of(self.power_w)

    def power_in(self, period: int) -> int:
        """Contracted W while energy period ``period`` (1 for P1) is in force. Raises Invalid where none is known."""
        index = power_period(self.tariff, period) - 1
        if index >= len(self.power_w) or self.power_w[index] <= 0:
            raise Invalid(
                f"The contract ({self.tariff}) has no power in period P{index + 1}: without it, reading or history there is "
                "nothing to estimate from.",
                "NO_POWER",
            )
        return self.power_w[index]


LARGE = frozenset({1, 2, 3})
"""Types of measuring points whose gaps are filled by interpolation and historical mean (P.O. 10.5)."""

METER_TYPES = ((450_000, 2), (50_000, 3), (15_000, 4), (0, 5))
"""Contracted W above which a measuring point is of a type (RD 1110/2007 article 6); type 1 begins at 10 MW."""


def meter_type_of(power_w: tuple[int, ...]) -> int:
    """The type of a measuring point by its highest contracted power; 5, a household's, where none is known."""
    highest = max(power_w, default=0)
    return 1 if highest >= 10_000_000 else next((kind for above, kind in METER_TYPES if highest > above), 5)


def most_wh_of(power_w: tuple[int, ...]) -> int | None:
    """The most that an hour of a measuring point can have counted, by its contracted power.

    P.O. 10.5 knows a limit for type 5 alone, which has 15 kW. A larger point may take more than it contracted, and pays for
    that; and where no power is known the point may be any: there the limit of the file it came by is all there is.
    """
    return ABSURD_WH if power_w and meter_type_of(power_w) == 5 else None


@dataclass(frozen=True)
class History:
    """Energy really measured in the same period last year, and the hours it was measured in.

    ``wh`` and ``hours`` per tariff period, P1 first; ``wh`` is None where not every hour was real.
    """

    period: DatePeriod
    wh: tuple[int | None, ...]
    hours: tuple[int, ...]

    def expected(self, number: int, hours: int) -> tuple[int, int, int] | None:
        """Wh to expect of ``hours`` hours of tariff period ``number``, and the history used: (Wh, history Wh, its hours).

        In proportion to the hours. A tariff period without hours last year (a short period that began on another weekday)
        takes the mean of all hours. None where last year was not complete.
        """
        wh, then = self.wh[number - 1], self.hours[number - 1]
        if then == 0:
            if None in self.wh or not sum(self.hours):
                return None
            wh, then = sum(one or 0 for one in self.wh), sum(self.hours)
        if wh is None:
            return None
        return (2 * wh * hours + then) // (2 * then), wh, then


def year_before(period: DatePeriod) -> DatePeriod:
    """The same period last year; 29 February becomes 28 February as a start and 1 March as an (excluded) end."""
    return DatePeriod(_year_before(period.start, 2, 28), _year_before(period.end, 3, 1))


def history_of(contract: Contract, series: HourSeries, period: DatePeriod) -> History:
    """History out of last year's curve: only hours with method 1 count, and a tariff period counts only when whole."""
    table = contract.calendar
    real = series.methods == REAL
    whole = hours_per_period(table, series)
    measured = energy_per_period(
        table, HourSeries(series.first, real.astype(series.values.dtype), series.methods), real
    )
    energy = energy_per_period(table, series, real)
    complete = zip(energy, measured, whole, strict=True)
    return History(period, tuple(wh if have == all_ else None for wh, have, all_ in complete), whole)


def history_of_close(contract: Contract, close: Close, days: LocalDays) -> History | None:
    """History out of last year's close; None unless technician's readings of the same periods made it."""
    if close.origin not in TECHNICIAN:
        return None
    hours = hours_per_period(contract.calendar, empty_series(days, close.period))
    if len(hours) != len(close.wh):
        return None
    return History(close.period, close.wh, hours)


def _year_before(day: date, leap_month: int, leap_day: int) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, leap_month, leap_day)
    return day.replace(year=day.year - 1)
