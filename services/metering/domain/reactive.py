"""Reactive energy per tariff period out of day curves, for many measuring points at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.calendar import TariffCalendar
from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import LocalDays
from services.metering.domain.readings import MISSING
from services.metering.domain.totals import day_periods

R1, R4 = 2, 5
"""First and last reactive channel."""

REACTIVE_PERIODS = 6
"""Reactive energy is billed under the tariffs of six periods alone (Circular CNMC 3/2020 article 9)."""


def reactive_totals(
    calendar: TariffCalendar,
    days: LocalDays,
    asker: NDArray[np.int64],
    askers: int,
    day: NDArray[np.int64],
    curves: DayCurves,
) -> NDArray[np.int64]:
    """varh by asker, tariff period and quadrant (askers, periods, 4); arguments as ``totals.period_totals``."""
    totals = np.zeros((askers, calendar.periods, R4 - R1 + 1), np.int64)
    if not len(day):
        return totals
    period = day_periods(calendar, days, day)
    varh = np.where((curves.quality != MISSING)[:, :, None], curves.values[:, :, R1 : R4 + 1], 0)
    for number in range(1, calendar.periods + 1):
        np.add.at(totals[:, number - 1], asker, np.where((period == number)[:, :, None], varh, 0).sum(axis=1))
    return totals
