"""Estimated hours laid over what was measured.

An estimate holds only its own hours. It counts where the hour is missing; where something was measured (an hour scaled to
its close, one that no meter can have counted, a distributor's own estimate) it counts as long as that day of the measured
curve is the one the estimate was made from. So a value that arrives later is believed at once, and the estimate of what is
still missing stays until it is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.curve import DayCurves, blank_days
from services.metering.domain.readings import IMPORT, MISSING

_DAY_BITS = 20


@dataclass
class CurveRows:
    """Stored days as columns: ``owner`` (n,), ``day`` (n,), ``revision`` (n,) and their curves, by owner and day."""

    owner: NDArray[np.int64]
    day: NDArray[np.int64]
    revision: NDArray[np.int64]
    curves: DayCurves

    @property
    def cell(self) -> NDArray[np.int64]:
        """Owner and day as one number, ascending."""
        return self.owner << _DAY_BITS | self.day


def lay_over(measured: CurveRows, estimates: CurveRows) -> CurveRows:
    """The curve with its estimates, and per day the later of both revisions."""
    if not len(estimates.day):
        return measured
    cells = np.union1d(measured.cell, estimates.cell)
    under = np.searchsorted(cells, measured.cell)
    over = np.searchsorted(cells, estimates.cell)
    length = np.zeros(len(cells), np.int8)
    length[over], length[under] = estimates.curves.length, measured.curves.length
    curves = blank_days(length)
    curves.values[under], curves.quality[under] = measured.curves.values, measured.curves.quality
    revision = np.zeros(len(cells), np.int64)
    revision[under] = measured.revision
    counts = counting(curves.quality[over], revision[over], estimates.curves.quality, estimates.revision)
    imported = curves.values[over, :, IMPORT]
    curves.values[over, :, IMPORT] = np.where(counts, estimates.curves.values[:, :, IMPORT], imported)
    curves.quality[over] = np.where(counts, estimates.curves.quality, curves.quality[over])
    revision[over] = np.maximum(revision[over], estimates.revision)
    return CurveRows(cells >> _DAY_BITS, cells & ((1 << _DAY_BITS) - 1), revision, curves)


def counting(
    measured: NDArray[np.uint8],
    measured_revision: NDArray[np.int64],
    estimated: NDArray[np.uint8],
    estimated_revision: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which estimated hours count (n, 25): qualities (n, 25) and revisions (n,) of the same days, measured and estimated."""
    unchanged = (estimated_revision >= measured_revision)[:, None]
    return np.asarray((estimated != MISSING) & ((measured == MISSING) | unchanged))
