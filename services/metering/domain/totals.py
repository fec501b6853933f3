"""Energy per tariff period out of day curves, for many measuring points at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.calendar import TariffCalendar
from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import HOURS_MAX, LocalDays
from services.metering.domain.readings import EXPORT, IMPORT, MISSING, REAL


@dataclass
class Totals:
    """Per asker (k): ``import_wh`` and ``export_wh`` (k, periods), and hours measured and estimated (k,)."""

    import_wh: NDArray[np.int64]
    export_wh: NDArray[np.int64]
    measured: NDArray[np.int64]
    estimated: NDArray[np.int64]


def period_totals(
    calendar: TariffCalendar,
    days: LocalDays,
    asker: NDArray[np.int64],
    askers: int,
    day: NDArray[np.int64],
    curves: DayCurves,
) -> Totals:
    """Sum the hours of each day into its asker's tariff periods.

    ``asker`` (n,) is the index 0..askers-1 for whom each day counts, ``day`` (n,) its local day. Missing hours add
    nothing and are not counted; the caller knows how many hours the asked range has.
    """
    result = Totals(
        np.zeros((askers, calendar.periods), np.int64),
        np.zeros((askers, calendar.periods), np.int64),
        np.zeros(askers, np.int64),
        np.zeros(askers, np.int64),
    )
    if not len(day):
        return result
    period = day_periods(calendar, days, day)
    present = curves.quality != MISSING
    for number in range(1, calendar.periods + 1):
        counts = present & (period == number)
        for channel, total in ((IMPORT, result.import_wh), (EXPORT, result.export_wh)):
            of_day = np.where(counts, curves.values[:, :, channel], 0).sum(axis=1)
            np.add.at(total[:, number - 1], asker, of_day)
    measured = (curves.quality == REAL).sum(axis=1)
    np.add.at(result.measured, asker, measured)
    np.add.at(result.estimated, asker, present.sum(axis=1) - measured)
    return result


@dataclass(frozen=True)
class BillableHour:
    """One hour that has a value: its number since the epoch (hours.py), tariff period ("P1") and Wh taken."""

    hour: int
    period: str
    import_wh: int


def billable_hours(
    calendar: TariffCalendar, days: LocalDays, day: NDArray[np.int64], curves: DayCurves
) -> tuple[BillableHour, ...]:
    """The hours of one measuring point's days (``day``: local day of each curve), in order; missing ones are not there."""
    if not len(day):
        return ()
    present = curves.quality != MISSING
    hours = (days.starts(day)[:, None] + np.arange(HOURS_MAX))[present]
    order = np.argsort(hours, kind="stable")
    period = day_periods(calendar, days, day)[present][order]
    import_wh = curves.values[:, :, IMPORT][present][order]
    return tuple(
        BillableHour(hour, f"P{number}", wh)
        for hour, number, wh in zip(hours[order].tolist(), period.tolist(), import_wh.tolist(), strict=True)
    )


def day_periods(calendar: TariffCalendar, days: LocalDays, day: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Tariff period of every slot of each day (n, 25); 0 past the day's end."""
    slots, length = np.arange(HOURS_MAX), days.lengths(day)[:, None]
    # Slots past the end ask for the day's last hour, which is always a known one, and are then taken out.
    hours = days.starts(day)[:, None] + np.minimum(slots, length - 1)
    return calendar.classify(hours) * (slots < length)


def hours_expected(days: LocalDays, start: int, end: int) -> int:
    """Hours between two local days (half-open): 745 for October in Madrid."""
    return days.start_of(end) - days.start_of(start) if end > start else 0
