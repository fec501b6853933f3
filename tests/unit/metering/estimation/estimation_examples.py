"""Days, curves and profiles that several tests of estimation use."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import Close, Origin, Reading
from services.metering.domain.estimation.contract import Contract
from services.metering.domain.estimation.profiles import Profile, load_profiles, sample_profile
from services.metering.domain.estimation.series import HourSeries, bounds
from services.metering.domain.hours import local_days
from services.metering.domain.readings import REAL

MADRID = local_days("Europe/Madrid")
HOUSEHOLD = Contract("2.0TD", "peninsula", (3_450, 3_450))
SUNDAY = DatePeriod(date(2026, 10, 4), date(2026, 10, 5))
"""All 24 hours are P3."""
MONDAY = DatePeriod(date(2026, 10, 5), date(2026, 10, 6))
SPRING = DatePeriod(date(2026, 3, 29), date(2026, 3, 30))
AUTUMN = DatePeriod(date(2026, 10, 25), date(2026, 10, 26))
OCTOBER = DatePeriod.month("2026-10")
SAMPLE = sample_profile("2.0TD")


def curve(days: DatePeriod, values: list[int] | int, gaps: list[int] = (), method: int = REAL) -> HourSeries:
    """Hours of the days, measured, with gaps at the given positions (0 = midnight)."""
    first, end = bounds(MADRID, days)
    wh = np.full(end - first, values if isinstance(values, int) else 0, np.int64)
    if not isinstance(values, int):
        wh[: len(values)] = values
    methods = np.full(end - first, method, np.uint8)
    wh[list(gaps)] = 0
    methods[list(gaps)] = 0
    return HourSeries(first, wh, methods)


def close(days: DatePeriod, *wh: int, origin: Origin = Origin.REMOTE) -> Close:
    return Close(days, wh, origin)


def reading(day: date, *registers: int, origin: Origin, meter: str = "CIR1", received: int = 1) -> Reading:
    return Reading(meter, day, registers, origin, datetime(2026, 11, received, 8, tzinfo=UTC))


def profile_of(**coefficients: str) -> Profile:
    """A profile of 2.0TD: ``h3="0.15"`` for the hour 02:00-03:00, 0.01 for all others."""
    rows = [
        f"2.0TD,2026-01-01,2027-01-01,,any,{hour},{coefficients.get(f'h{hour}', '0.01')},test" for hour in range(1, 25)
    ]
    loaded = load_profiles(["tariff,from,to,month,day_type,hour,coefficient,source", *rows])
    assert not loaded.refused
    return loaded.profiles["2.0TD"]
