"""Quarters of an hour above a contract's power, which decide excess power above 50 kW (Circular CNMC 3/2020, article 9.4.b.2):
what is known of them, and of how many hours it is not known whether they have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.calendar import TariffCalendar
from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import QUARTERS, LocalDays
from services.metering.domain.quarter_hours import agreeing
from services.metering.domain.readings import IMPORT, MISSING
from services.metering.domain.totals import day_periods

WATTS = QUARTERS
"""Mean W of a quarter of an hour for each Wh that it took."""


@dataclass(frozen=True)
class QuarterDemand:
    """A quarter above the power: tariff period ("P1"), its number since the epoch (four an hour, hours.py), and mean W."""

    period: str
    quarter: int
    watts: int


@dataclass(frozen=True)
class Demands:
    """``above``: in order. ``unknown``: by tariff period, the hours that may have a quarter above its power."""

    above: tuple[QuarterDemand, ...]
    unknown: Mapping[str, int]


def demands(
    calendar: TariffCalendar,
    days: LocalDays,
    day: NDArray[np.int64],
    curves: DayCurves,
    quarters: NDArray[np.int64],
    limits: Mapping[int, int],
) -> Demands:
    """Of one measuring point: every local day asked for (n,), its metered hours (blank days too), and its quarters (n, 25, 4).

    ``limits``: W by number of the tariff period; others are not looked at. An hour without known quarters has none above
    where even all its energy in one of them would not be; a missing hour may have.
    """
    period = day_periods(calendar, days, day)
    limit = np.full(calendar.periods + 1, -1, np.int64)
    for number, watts in limits.items():
        limit[number] = watts
    allowed = limit[period]
    asked = allowed >= 0
    known = agreeing(quarters, curves)
    within = (curves.quality != MISSING) & (WATTS * curves.values[:, :, IMPORT] <= allowed)
    unknown = np.bincount(period[asked & ~known & ~within], minlength=calendar.periods + 1)
    means = WATTS * quarters
    above = np.argwhere((asked & known)[:, :, None] & (means > allowed[:, :, None]))
    first = days.starts(day)
    return Demands(
        tuple(
            QuarterDemand(
                f"P{period[at, slot]}", (int(first[at]) + slot) * QUARTERS + number, int(means[at, slot, number])
            )
            for at, slot, number in above.tolist()
        ),
        {f"P{number}": int(unknown[number]) for number in sorted(limits) if unknown[number]},
    )
