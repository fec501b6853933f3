"""A stretch of consecutive hours of one measuring point: what validation reads and estimation returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import TariffCalendar
from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import HOURS_MAX, LocalDays, day_number
from services.metering.domain.readings import DOUBTFUL, IMPORT, MISSING, REAL


@dataclass(frozen=True)
class HourSeries:
    """Every hour from ``first`` on: ``values`` (n,) in Wh, ``methods`` (n,) MISSING, REAL, 2 to 6 or DOUBTFUL.

    A missing hour has the value 0, which says nothing.
    """

    first: int
    values: NDArray[np.int64]
    methods: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def hours(self) -> NDArray[np.int64]:
        """The start of each hour (hours since the epoch, UTC)."""
        return np.arange(self.first, self.first + len(self))

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Hours that a meter measured, doubtful ones included; estimates and gaps are none of them."""
        return np.asarray((self.methods == REAL) | (self.methods == DOUBTFUL))

    def part(self, begin: int, end: int) -> HourSeries:
        """The hours from position ``begin`` to before position ``end``."""
        return HourSeries(self.first + begin, self.values[begin:end], self.methods[begin:end])

    def after(self, before: HourSeries) -> HourSeries:
        """The hours ``before``, which end where these begin, and these. ValueError when they do not."""
        if before.first + len(before) != self.first:
            raise ValueError(
                f"Hours up to {before.first + len(before)} are not followed by those from {self.first} on."
            )
        return HourSeries(
            before.first,
            np.concatenate([before.values, self.values]),
            np.concatenate([before.methods, self.methods]),
        )


def bounds(days: LocalDays, period: DatePeriod) -> tuple[int, int]:
    """First hour of a period of local days, and the hour after its last."""
    return days.start_of(day_number(period.start)), days.start_of(day_number(period.end))


def empty_series(days: LocalDays, period: DatePeriod) -> HourSeries:
    """A period of which every hour is missing."""
    first, end = bounds(days, period)
    return HourSeries(first, np.zeros(end - first, np.int64), np.full(end - first, MISSING, np.uint8))


def series_of(
    days: LocalDays, period: DatePeriod, day: NDArray[np.int64], curves: DayCurves, channel: int = IMPORT
) -> HourSeries:
    """One channel of the day curves ``curves`` of the local days ``day`` (n,), as a series over the whole period.

    Days outside the period are left out; days that are not there are missing hours.
    """
    series = empty_series(days, period)
    rows = (day >= day_number(period.start)) & (day < day_number(period.end))
    slots = np.arange(HOURS_MAX)
    inside = slots < curves.length[rows][:, None]
    at = (days.starts(day[rows])[:, None] + slots - series.first)[inside]
    series.values[at] = curves.values[rows][:, :, channel][inside]
    series.methods[at] = curves.quality[rows][inside]
    return series


def energy_per_period(calendar: TariffCalendar, series: HourSeries, rows: NDArray[np.bool_]) -> tuple[int, ...]:
    """Wh of the hours ``rows`` (n,) in each tariff period, P1 first."""
    return _per_period(calendar, series, np.where(rows, series.values, 0))


def hours_per_period(
    calendar: TariffCalendar, series: HourSeries, rows: NDArray[np.bool_] | None = None
) -> tuple[int, ...]:
    """How many hours (of ``rows`` (n,), or all) lie in each tariff period, P1 first."""
    return _per_period(calendar, series, np.ones(len(series), np.int64) if rows is None else rows.astype(np.int64))


def _per_period(calendar: TariffCalendar, series: HourSeries, amounts: NDArray[np.int64]) -> tuple[int, ...]:
    period = calendar.classify(series.hours)
    return tuple(int(amounts[period == number].sum()) for number in range(1, calendar.periods + 1))
