"""What an hour usually takes: the mean of six real hours of the same clock hour and day type before it (P.O. 10.5).

Of the six values the highest and the lowest are left out; the four that remain have a mean, and a sample standard deviation
s (divisor 3). Usual is what lies within the mean +- 2 s. 480, 900, 500, 100, 520 and 540 Wh leave 480, 500, 520, 540:
mean 510, squares of the deviations 900 + 100 + 100 + 900 = 2,000, s = sqrt(2,000 / 3) = 25.8, usual 458.4 to 561.6 Wh.

Only hours that a meter really measured (method 1) are samples: nothing is estimated from estimates. An hour that the clock
leaves out in spring gives no sample and takes no value; the repeated hour of autumn is no sample either, and takes the value
of the hour before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.estimation.day_types import clock_hours, months_and_types
from services.metering.domain.estimation.series import HourSeries
from services.metering.domain.estimation.split import half_up
from services.metering.domain.hours import LocalDays
from services.metering.domain.readings import REAL

SAMPLES = 6

LOOK_BACK_DAYS = 56
"""Days of readings before those to be estimated: eight Saturdays and Sundays, so that two of each may be missing."""


@dataclass(frozen=True)
class Usual:
    """Whole Wh of an hour: the mean rounded half-up, and the least and most that lie within the mean +- 2 s."""

    mean: int
    low: int
    high: int

    def holds(self, wh: int) -> bool:
        return self.low <= wh <= self.high


def usual_of(samples: Sequence[int]) -> Usual:
    """What six samples (Wh, none negative) make usual; exact, without rounding in between. ValueError for another number."""
    if len(samples) != SAMPLES:
        raise ValueError(f"A historical mean is made of {SAMPLES} samples, not of {len(samples)}.")
    kept = sorted(samples)[1:-1]
    count, total = len(kept), sum(kept)
    # s^2 = (n Q - S^2) / (n (n - 1)), so that n x 2 s = sqrt(4 n (n Q - S^2) / (n - 1)).
    spread = count * sum(wh * wh for wh in kept) - total * total
    reach = isqrt(4 * count * spread // (count - 1))
    low, high = -((reach - total) // count), (total + reach) // count
    return Usual(half_up(total, count), max(low, 0), high)


class Recent:
    """A measured curve of whole local days, asked what its hours usually take by what was measured before them."""

    def __init__(self, days: LocalDays, curve: HourSeries) -> None:
        self._curve = curve
        day, _ = days.day_and_slot(curve.hours)
        clock = clock_hours(days)[curve.hours - days.first_hour].astype(np.int64)
        self._alike = months_and_types(day)[1] * 24 + clock
        self._repeated = np.zeros(len(curve), bool)
        self._repeated[1:] = clock[1:] == clock[:-1]
        self._real = curve.methods == REAL
        self._samples: dict[int, NDArray[np.int64]] = {}

    def usual(self, hour: int) -> Usual | None:
        """Of the hour that starts at ``hour``, one of the curve's; None where six real hours before it are not at hand."""
        at = self._place(hour)
        at -= int(self._repeated[at])
        alike = int(self._alike[at])
        if alike not in self._samples:
            self._samples[alike] = np.flatnonzero((self._alike == alike) & self._real & ~self._repeated)
        samples = self._samples[alike]
        before = int(np.searchsorted(samples, at))
        if before < SAMPLES:
            return None
        return usual_of(self._curve.values[samples[before - SAMPLES : before]].tolist())

    def repeats(self, hour: int) -> int | None:
        """Wh of the hour before, where ``hour`` is the repeated one of autumn and that one was really measured."""
        at = self._place(hour)
        return int(self._curve.values[at - 1]) if self._repeated[at] and self._real[at - 1] else None

    def _place(self, hour: int) -> int:
        at = hour - self._curve.first
        if not 0 <= at < len(self._curve):
            raise ValueError(f"Hour {hour} is not one of the {len(self._curve)} from hour {self._curve.first} on.")
        return at


@dataclass(frozen=True)
class Means:
    """Historical means of some hours: ``values`` (n,) Wh, and what they would be at the ends of mean +- 2 s together."""

    values: NDArray[np.int64]
    low_wh: int
    high_wh: int


def means_of(recent: Recent, hours: NDArray[np.int64]) -> Means | None:
    """The means of hours (n,) that are missing; None unless every one of them has its six samples."""
    values, low, high = [], 0, 0
    for hour in hours.tolist():
        found, same = recent.usual(hour), recent.repeats(hour)
        if same is not None:
            found = Usual(same, same, same)
        if found is None:
            return None
        values.append(found.mean)
        low, high = low + found.low, high + found.high
    return Means(np.array(values, np.int64), low, high)
