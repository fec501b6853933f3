"""Which days are alike, and what the clock shows in each hour: what profiles and historical means are kept by."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.calendar import TARIFF_HOLIDAYS
from services.metering.domain.hours import LocalDays

DAY_TYPES = ("working", "saturday", "holiday")
"""Monday to Friday; Saturday; Sunday and the nine national holidays of the tariff calendar."""


def months_and_types(day: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Month (0-11) and index into DAY_TYPES of each day."""
    dates = day.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month = months.astype(np.int64) % 12
    of_month = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; Monday = 0
    holiday = weekday == 6
    for holiday_month, holiday_day in TARIFF_HOLIDAYS:
        holiday |= (month == holiday_month - 1) & (of_month == holiday_day)
    return month, np.where(holiday, 2, np.where(weekday == 5, 1, 0))


@lru_cache(maxsize=16)
def clock_hours(days: LocalDays) -> NDArray[np.int8]:
    """Local clock hour (0-23) of every known hour, the first one ``days.first_hour``."""
    return days.clock_hours()
