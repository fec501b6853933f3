"""Short gaps of the large meters (types 1 to 3), drawn between the measured hours beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.estimation.obtaining import SCALED
from services.metering.domain.estimation.series import HourSeries

LONGEST_GAP = 3
"""Hours: longer gaps are not interpolated (P.O. 10.5)."""


def interpolate(series: HourSeries) -> NDArray[np.int64] | None:
    """The values (n,) with every gap drawn, or None when a gap is longer than three hours or lies at an end.

    On the straight line between the measured hours on either side, rounded half-up; whole Wh, never negative. Hours that
    were scaled to a close (method 3) are never drawn anew: they already agree with it.
    """
    index = np.arange(len(series))
    measured = series.measured
    before = np.maximum.accumulate(np.where(measured, index, -1))
    after = np.minimum.accumulate(np.where(measured, index, len(series))[::-1])[::-1]
    short = (before >= 0) & (after < len(series)) & (after - before - 1 <= LONGEST_GAP) & (series.methods != SCALED)
    if not (measured | short).all():
        return None
    at = np.flatnonzero(~measured)
    left, right = before[at], after[at]
    steps = right - left
    line = series.values[left] * (right - at) + series.values[right] * (at - left)
    values = series.values.copy()
    values[at] = (2 * line + steps) // (2 * steps)
    return values
