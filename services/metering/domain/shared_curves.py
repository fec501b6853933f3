"""The curves of an installation's participants after sharing (RD 244/2019, annex I): what each takes from the grid and feeds in.

Worked out of three things as they are known: what the participant's meter counted, the net generation of the same hour, and
the coefficients agreed on. Nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import HOURS_MAX, local_days
from services.metering.domain.overlay import CurveRows
from services.metering.domain.readings import DOUBTFUL, EXPORT, IMPORT, MISSING, REAL
from services.metering.domain.sharing import settle, share_out
from services.metering.domain.sharing_file import Agreements, Coefficients


@dataclass(frozen=True)
class Sharing:
    """An agreement on local days [start, end) of day numbers: ``columns`` has the place of each owner's coefficient, and
    ``revision`` is from when it is known. ``generation`` is the installation's own point, ``zone`` where its days are counted.
    """

    generation: int
    zone: str
    start: int
    end: int
    revision: int
    coefficients: Coefficients
    columns: Mapping[int, int]


def lay_shares(rows: CurveRows, sharing: Sharing, generation: CurveRows) -> CurveRows:
    """The rows with the participants' hours settled; ``generation`` has the days of the installation's own curve.

    Of an hour in which somebody has a share but the generation is not known, what they took is not known either: it is
    missing. What a participant fed in by an installation of their own stays beside their surplus.
    """
    mine = np.isin(rows.owner, list(sharing.columns)) & (rows.day >= sharing.start) & (rows.day < sharing.end)
    at = np.flatnonzero(mine)
    if not len(at):
        return rows
    numbers = np.unique(rows.day[at])
    shares, weights, source, known = _shares(numbers, sharing, generation)
    day = np.searchsorted(numbers, rows.day[at])
    column = np.array([sharing.columns[owner] for owner in rows.owner[at].tolist()])
    share, has_share = shares[day, :, column], weights[day, :, column] > 0
    curves = DayCurves(rows.curves.length, rows.curves.values.copy(), rows.curves.quality.copy())
    values, own = curves.values[at], curves.quality[at]
    settled = settle(values[:, :, IMPORT], share)
    unknown = has_share & ((own == MISSING) | (source[day] == MISSING))
    counts = has_share & ~unknown
    values[:, :, IMPORT] = np.where(counts, settled.grid, values[:, :, IMPORT])
    values[:, :, EXPORT] += np.where(counts, settled.surplus, 0)
    values[unknown] = 0
    curves.values[at] = values
    curves.quality[at] = np.where(unknown, MISSING, np.where(counts, weaker(own, source[day]), own))
    revision = rows.revision.copy()
    revision[at] = np.maximum(np.maximum(revision[at], known[day]), sharing.revision)
    return CurveRows(rows.owner, rows.day, revision, curves)


def weaker(own: NDArray[np.uint8], source: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Doubtful or estimated when either is; of two estimates that of the consumption."""
    found = np.where(own == REAL, source, own)
    return np.where(source == DOUBTFUL, source, found).astype(np.uint8)


def _shares(
    numbers: NDArray[np.int64], sharing: Sharing, generation: CurveRows
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """Of some days: shares and weights (d, 25, k), quality of the generation (d, 25) and its revisions (d,)."""
    days = local_days(sharing.zone)
    lengths = days.lengths(numbers)
    net = np.zeros((len(numbers), HOURS_MAX), np.int64)
    source = np.full(net.shape, MISSING, np.uint8)
    known = np.zeros(len(numbers), np.int64)
    there = np.flatnonzero(np.isin(generation.day, numbers))
    place = np.searchsorted(numbers, generation.day[there])
    values = generation.curves.values[there]
    # What its inverter and auxiliaries take at night is consumption of the installation, and no negative share.
    net[place] = np.maximum(values[:, :, EXPORT] - values[:, :, IMPORT], 0)
    source[place], known[place] = generation.curves.quality[there], generation.revision[there]
    net[source == MISSING] = 0
    present = np.arange(HOURS_MAX)[None, :] < lengths[:, None]
    hours = (days.starts(numbers)[:, None] + np.arange(HOURS_MAX)[None, :])[present]
    agreed = Agreements([sharing.coefficients])
    each = agreed.weights(hours, sharing.zone)
    weights = np.zeros((*net.shape, each.shape[1]), np.int64)
    shares = np.zeros_like(weights)
    weights[present], shares[present] = each, share_out(net[present], each)
    return shares, weights, source, known
